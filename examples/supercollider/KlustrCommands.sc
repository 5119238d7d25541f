// What can be asked of the bridge, one method for each command of docs/protocol.md.

+ Klustr {
	// move and hear
	xy { |x, y, cursor| this.send('/klustr/xy', x, y, cursor) }
	lift { |cursor| this.send('/klustr/lift', cursor) }
	random { |cursor| this.send('/klustr/random', cursor) }
	trigger { |sound, velocity = 1.0, semitones = 0.0, pan = 0.0|
		this.send('/klustr/trigger', sound, velocity, semitones, pan)
	}
	triggerXY { |x, y, velocity = 1.0, cursor| this.send('/klustr/trigger/xy', x, y, velocity, cursor) }
	stop { |voice| this.send('/klustr/stop', voice) }
	audition { |mode = \change| this.mode(\audition, '/klustr/audition', mode) }
	player { |player = \internal| this.mode(\player, '/klustr/player', player) }
	quantise { |grid = \off| this.mode(\quantise, '/klustr/quantise', grid) }
	view { |view = \natural| this.mode(\view, '/klustr/view', view) }

	// ask
	near { |x, y, k = 8, action| ^this.ask('/klustr/near/xy', [x, y, k], action) }
	similar { |sound, k = 8, action| ^this.ask('/klustr/similar', [sound, k], action) }
	similarUid { |uid, k = 8, action| ^this.ask('/klustr/similar/uid', [uid, k], action) }
	similarPath { |path, k = 8, action| ^this.ask('/klustr/similar/path', [path, k], action) }
	similarFile { |path, k = 8, action| ^this.ask('/klustr/similar/file', [path, k], action) }
	info { |sound, action| ^this.ask('/klustr/info', [sound], action) }
	path { |sound, action| ^this.ask('/klustr/path', [sound], action) }
	resolve { |uid, action| ^this.ask('/klustr/resolve', [uid], action) }
	find { |text, k = 100, action| ^this.ask('/klustr/find', [text, k], action) }
	walk { |from, to, n = 16, action| ^this.ask('/klustr/walk', [from, to, n], action) }
	kit { |sound, action| ^this.ask('/klustr/kit', [sound], action) }
	grid { |columns = 8, rows = 8, action| ^this.ask('/klustr/grid', [columns, rows], action) }
	why { |sound, other, action| ^this.ask('/klustr/why', [sound, other], action) }
	points { |from = 0, action| ^this.ask('/klustr/points', [from], action) }
	status { |action| ^this.ask('/klustr/status', [], action) }

	// narrow: in force for all later answers
	filterKind { |... kinds| this.mode(\kind, '/klustr/filter/kind', *kinds) }
	filterDuration { |min = 0, max = 3600| this.mode(\duration, '/klustr/filter/duration', min, max) }
	filterFolder { |path| this.mode(\folder, '/klustr/filter/folder', path) }
	filterFavourites { |on = 1| this.mode(\favourites, '/klustr/filter/favourites', on) }
	filterClear {
		[\kind, \duration, \folder, \favourites].do { |key| modes.removeAt(key) };
		this.send('/klustr/filter/clear')
	}
	weight { |aspect, weight = 1.0|
		this.mode((\weight ++ aspect).asSymbol, '/klustr/weight', aspect, weight)
	}

	// the library
	favourite { |sound, on = 1| this.send('/klustr/favourite', sound, on) }
	kind { |sound, kind = \auto| this.send('/klustr/kind', sound, kind) }
}
