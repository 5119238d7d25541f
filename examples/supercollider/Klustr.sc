// A conversation with klustr-bridge. Put this folder into Platform.userExtensionDir and recompile the class
// library. Questions (similar, info, ...) take an action that gets the answer; inside a Routine the action
// may be left out: the answer is then returned. It is nil if the bridge refuses or doesn't answer.

Klustr {
	classvar <>default;
	classvar <>tick = 3; // seconds
	classvar <replies;
	classvar req = 0; // answers come to one port for all instances: no two questions share a number

	var <addr, <name, <>timeout = 5, <>latency = 0.1;
	var <isThere = false, <welcome, <id;
	var <>onWelcome, <>onSilence, <>onHit, <>onPlay, <>onBeat, <>onFail;
	var heard = false, pending, modes, functions, keepAlive, run;

	*initClass {
		replies = (
			'/klustr/near.reply': [0, [\id, \distance, \x, \y]],
			'/klustr/find.reply': [0, [\id]],
			'/klustr/why.reply': [0, [\aspect, \share]],
			'/klustr/kit.reply': [0, [\kind, \id]],
			'/klustr/walk.reply': [0, [\id, \x, \y]],
			'/klustr/grid.reply': [0, [\column, \row, \id]],
			'/klustr/points.reply': [1, [\id, \x, \y]],
			'/klustr/folders.reply': [0, [\path, \files, \state]],
			'/klustr/problems.reply': [0, [\path, \reason]],
			'/klustr/health.reply': [0, [\name, \value]],
			'/klustr/scores.reply': [0, [\name, \value]],
			'/klustr/clients.reply': [0, [\name, \over, \host, \port, \view, \player, \silent, \dropped, \own]],
			'/klustr/duplicates.reply': [0, [\group, \id]],
			'/klustr/status.reply': [\state, \files, \sounds, \pending, \failed, \epoch],
			'/klustr/info.reply': [
				\id, \uid, \name, \kind, \x, \y, \duration, \loudness, \pitch, \start, \end,
				\pitchConfidence, \brightness, \stereoWidth, \isLoop, \tempo, \kindSource, \kindConfidence
			],
			'/klustr/path.reply': [\id, \path],
			'/klustr/resolve.reply': [\id],
			'/klustr/record.reply': [\on, \path, \seconds]
		);
		Class.initClassTree(Event);
		Event.addEventType(\klustr, { this.playEvent(currentEnvironment) });
	}

	// the event type \klustr: the bridge plays ~sound, in time with the pattern
	*playEvent { |event|
		var bridge = event[\klustr] ? default;
		event.use {
			bridge.sendAfter(
				bridge.latency, '/klustr/trigger', ~sound, ~amp.clip(0, 1), ~semitones ? 0.0, ~pan ? 0.0
			)
		}
	}

	*new { |host = "127.0.0.1", port = 7475, name = "sclang"|
		^super.new.init(NetAddr(host, port), name)
	}

	init { |address, clientName|
		addr = address;
		name = clientName;
		pending = Dictionary.new;
		modes = IdentityDictionary.new;
		default = default ? this;
		functions = [
			this.prListen('/klustr/welcome') { |args| this.prWelcome(args) },
			this.prListen('/klustr/goodbye') { this.prSilence },
			this.prListen('/klustr/pong') { |args| this.prPong(args[1]) },
			this.prListen('/klustr/synced') { |args| this.prSynced(args[0]) },
			this.prListen('/klustr/fail') { |args| this.prFail(*args) },
			this.prListen('/klustr/hit') { |args|
				id = args[1];
				onHit.value(this.prEvent([\cursor, \id, \x, \y, \distance, \origin], args))
			},
			this.prListen('/klustr/play') { |args|
				onPlay.value(this.prEvent([\voice, \id, \velocity, \path, \start, \end], args))
			},
			this.prListen('/klustr/beat') { |args| onBeat.value(this.prEvent([\beat, \tempo, \playing], args)) }
		] ++ replies.keys.asArray.collect { |reply| this.prListen(reply) { |args| this.prReply(reply, args) } };
		this.prHello;
		// a tick without an answer: hello again, so that a bridge that was started anew is found
		keepAlive = SkipJack({ this.prTick }, { tick }, name: "klustr");
	}

	free {
		this.send('/klustr/bye');
		keepAlive.stop;
		functions.do(_.free);
		if (default === this) { default = nil };
	}

	// what is sent: nil stands for an argument that is left out
	send { |address ... args|
		addr.sendMsg(address, *args.reject(_.isNil));
	}

	sendAfter { |seconds, address ... args|
		addr.sendBundle(seconds, [address] ++ args.reject(_.isNil));
	}

	// what is sent, and sent again to a bridge that was started anew
	mode { |key, address ... args|
		modes[key] = [address] ++ args.reject(_.isNil);
		addr.sendMsg(*modes[key]);
	}

	ask { |address, args, action|
		var number, result, condition = Condition.new;
		number = req = req % 0x3fffffff + 1;
		pending[number] = (
			address: address, parts: nil,
			action: action ? { |answer| result = answer; condition.test = true; condition.signal }
		);
		SystemClock.sched(timeout, { this.prFinish(number, nil) });
		this.send(address, number, *args);
		if (action.isNil) { condition.wait };
		^result
	}

	prHello { this.send('/klustr/hello', name, NetAddr.langPort) }

	prTick {
		if (heard) { this.send('/klustr/ping', 0) } { this.prSilence; this.prHello };
		heard = false;
	}

	// another run of the bridge than the one that was greeted: it was started anew within one tick
	prPong { |number|
		if (run.notNil and: { run != number }) { this.prHello };
		run = number;
	}

	prSilence {
		if (isThere or: { welcome.isNil }) {
			"klustr-bridge does not answer on port %: start it; this goes on by itself".format(addr.port).warn;
			welcome = welcome ? ();
			onSilence.value(this);
		};
		isThere = false;
		heard = false;
	}

	prWelcome { |args|
		welcome = this.prEvent([\version, \protocol, \epoch, \sounds, \state], args);
		isThere = true;
		modes.do { |message| addr.sendMsg(*message) };
		this.send('/klustr/ping', 0); // tells the run
		onWelcome.value(this);
	}

	prListen { |address, action|
		^OSCFunc({ |message, time, from|
			if (from.port == addr.port) { heard = true; action.value(message.drop(1)) }
		}, address).permanent_(true)
	}

	prReply { |address, args|
		var shape = replies[address], number = args[0], asked = pending[number];
		if (asked.isNil) { ^this };
		if (shape[0].isInteger.not) { ^this.prFinish(number, this.prEvent(shape, args.drop(1))) };
		asked[\parts] = asked[\parts] ?? { Array.newClear(args[2]) };
		asked[\parts][args[1] - 1] = args.drop(4 + shape[0]).clump(shape[1].size).keep(args[3]);
		if (asked[\parts].includes(nil).not) {
			this.prFinish(number, asked[\parts].flatten(1).collect { |row| this.prEvent(shape[1], row) })
		}
	}

	prSynced { |number| // a program's own sync may have the number of a question
		var asked = pending[number];
		if (asked.notNil and: { asked[\address].asString.endsWith("/sync") }) { this.prFinish(number, number) }
	}

	prFinish { |number, answer|
		var asked = pending.removeAt(number);
		if (asked.notNil) { asked[\action].value(answer) }
	}

	prFail { |address, number, code, message|
		"klustr-bridge: % %: %".format(address, code, message).warn;
		onFail.value(address, code, message);
		this.prFinish(number, nil);
	}

	prEvent { |keys, values|
		var event = ();
		keys.do { |key, i| event[key] = values[i] };
		[\path, \name].do { |key| if (event[key].isKindOf(Symbol)) { event[key] = event[key].asString } };
		^event
	}
}
