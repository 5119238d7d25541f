-- TidalCycles plays the map: x and y are patterns. Start klustr-bridge, then put this into BootTidal.hs
-- in place of the line that starts Tidal, or run it in GHCi after "import Sound.Tidal.Context".
-- For Tidal 1.9. The BootTidal.hs of 1.10 starts otherwise: put the `let klustr` block above its `tidalInst <- mkTidal`,
-- write `tidalInst <- mkTidalWith` in place of that with the list and `defaultConfig` as below, and leave out d1.

:{
let klustr = Target { oName = "klustr", oAddress = "127.0.0.1", oPort = 7475, oBusPort = Nothing,
                      oLatency = 0.1, oWindow = Nothing, oSchedule = Live, oHandshake = False }
    klustrPlace = OSC "/klustr/trigger/xy" $ ArgList [("x", Nothing), ("y", Nothing),
                                                      ("velocity", Just $ VF 0.8), ("cursor", Just $ VI 0)]
    klustrSound = OSC "/klustr/trigger" $ ArgList [("sample", Nothing), ("velocity", Just $ VF 0.8),
                                                   ("semitones", Just $ VF 0), ("balance", Just $ VF 0)]
:}

tidal <- startStream defaultConfig [(superdirtTarget, [superdirtShape]), (klustr, [klustrPlace, klustrSound])]

let d1 = streamReplace tidal 1
let x = pF "x"
let y = pF "y"
let velocity = pF "velocity"
let semitones = pF "semitones"
let balance = pF "balance" -- -1 is left, 1 is right
let sample = pI "sample"

-- a beat from two places of the map, and a line over one sound (its id: klustr-bridge find kick)
-- d1 $ stack [x "0.7*4" # y 0.75, x (range 0.2 0.4 sine) # y "0.3 0.35*2 0.3" # velocity "0.5 0.9"]
-- d1 $ sample "93*8" # semitones "0 3 7 12" # velocity 0.7
