# Sonic Pi plays the map. Start klustr-bridge, paste this into a buffer, press Run, and move the numbers.
# Sonic Pi listens for OSC on port 4560: hello names it, so that hits and plays arrive as cues.
use_osc "127.0.0.1", 7475

live_loop :alive do # again and again: a bridge that was started anew knows all this within ten seconds
  osc "/klustr/hello", "Sonic Pi", 4560
  osc "/klustr/player", "internal" # "client": the bridge is silent, and :sounds below plays the files
  osc "/klustr/filter/duration", 0, 1.5
  sleep 10
end

# Kicks lie at another place in every library: `klustr-bridge map map.png` draws yours; put a place of yours here.
live_loop :kicks do # a little chance keeps them alive
  osc "/klustr/trigger/xy", 0.7 + rrand(-0.02, 0.02), 0.75, 1.0, 0
  sleep 0.5
end

live_loop :wander do # a slow circle over the map: each step plays what is nearest
  angle = tick * 0.05
  osc "/klustr/trigger/xy", 0.5 + 0.35 * Math.cos(angle), 0.5 + 0.35 * Math.sin(angle), 0.6, 1
  sleep 0.125
end

live_loop :sounds do # only with "client"
  use_real_time
  voice, id, velocity, path, first, last = sync "/osc*/klustr/play"
  sample path, amp: velocity
end
