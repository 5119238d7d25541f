-- The script of the whole layout: it says hello, shows what is hit, and lists the sounds most like it.
-- build.py puts it into klustr.tosc. What the bridge sends comes to HERE: the connection's receive port.

local HERE = 7479
local TICK_MS = 5000
local N_SIMILAR = 8
local REQ_HIT, REQ_SIMILAR, REQ_NAME = 1, 2, 11

local current = 0 -- the sound under the finger
local similar = {} -- the ids of the pads that list what is like it
local heard = false
local last_tick = 0

local function send(path, ...)
  local arguments = {}
  for i = 1, select('#', ...) do
    local value = select(i, ...)
    local number = type(value) == 'number'
    local tag = not number and 's' or (value % 1 == 0 and 'i' or 'f')
    arguments[i] = { tag = tag, value = value }
  end
  sendOSC({ path, arguments })
end

local function show(name, text)
  local control = self:findByName(name, true)
  if control then control.values.text = text end
end

local function list_similar(arguments)
  local n = arguments[4]
  for i = 1, N_SIMILAR do
    similar[i] = i <= n and arguments[5 + 4 * (i - 1)] or 0
    show('similar' .. i, '')
    if similar[i] > 0 then send('/klustr/info', REQ_NAME + i - 1, similar[i]) end
  end
end

local function show_info(arguments)
  local req, name, kind = arguments[1], arguments[4], arguments[5]
  if req == REQ_HIT then
    show('name', name)
    show('kind', (kind:gsub('_', ' ')))
  elseif req >= REQ_NAME and req < REQ_NAME + N_SIMILAR then
    show('similar' .. (req - REQ_NAME + 1), name)
  end
end

local answers = {
  ['/klustr/welcome'] = function(arguments)
    show('state', 'klustr-bridge: ' .. arguments[4] .. ' sounds')
    send('/klustr/audition', 'change')
  end,
  ['/klustr/hit'] = function(arguments)
    current = arguments[2]
    send('/klustr/info', REQ_HIT, current)
  end,
  ['/klustr/info.reply'] = show_info,
  ['/klustr/near.reply'] = function(arguments)
    if arguments[1] == REQ_SIMILAR then list_similar(arguments) end
  end,
  ['/klustr/fail'] = function(arguments) show('state', arguments[4]) end,
  ['/klustr/goodbye'] = function() heard = false end,
}

function onReceiveOSC(message, connections)
  local values = {}
  for i, argument in ipairs(message[2]) do values[i] = argument.value end
  local answer = answers[message[1]]
  heard = true
  if answer then answer(values) end
end

local pressed = {
  again = function() send('/klustr/trigger', current, 1) end,
  keep = function() send('/klustr/favourite', current, 1) end,
  like = function() send('/klustr/similar', REQ_SIMILAR, current, N_SIMILAR) end,
  pad = function(number)
    if (similar[number] or 0) > 0 then send('/klustr/trigger', similar[number], 1) end
  end,
}

function onReceiveNotify(key, value)
  if pressed[key] and (current > 0 or key == 'pad') then pressed[key](value) end
end

function init()
  show('state', 'start klustr-bridge, then wait a moment')
  send('/klustr/hello', 'TouchOSC', HERE)
end

function update()
  local now = getMillis()
  if now - last_tick < TICK_MS then return end
  last_tick = now
  if heard then
    send('/klustr/ping', 0)
  else
    show('state', 'nothing answers: is klustr-bridge there?')
    send('/klustr/hello', 'TouchOSC', HERE)
  end
  heard = false
end
