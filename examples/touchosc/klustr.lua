-- The script of the whole layout: it says hello, shows what is hit, lists the sounds most like it, and keeps what
-- was chosen, so that it can be seen and is told to a bridge that was started anew.
-- build.py puts it into klustr.tosc. What the bridge sends comes to HERE: the connection's receive port.

local HERE = 7479
local TICK_MS = 5000
local N_SIMILAR = 8
local REQ_HIT, REQ_SIMILAR, REQ_NAME = 1, 2, 11

local current = 0 -- the sound under the finger
local similar = {} -- the ids of the pads that list what is like it
local chosen = { audition = 'change', kind = '', favourites = '', length = '' } -- '': nothing is left out
local run -- of the bridge, as its pongs tell it
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

local function hello() send('/klustr/hello', 'TouchOSC', HERE) end

local tell = {
  audition = function(mode) send('/klustr/audition', mode) end,
  kind = function(kind)
    if kind == '' then send('/klustr/filter/kind') else send('/klustr/filter/kind', kind) end
  end,
  favourites = function(on)
    if on == '' then send('/klustr/filter/favourites', 0) else send('/klustr/filter/favourites', 1) end
  end,
  length = function(length)
    if length == 'short' then
      send('/klustr/filter/duration', 0, 0.4)
    elseif length == 'long' then
      send('/klustr/filter/duration', 1, 3600)
    else
      send('/klustr/filter/duration', 0, 3600)
    end
  end,
}

-- the caption of a choice: in brackets where it is in force
local function mark(key, value)
  local words = value:gsub('_', ' ')
  show(key .. ' ' .. value, chosen[key] == value and '[ ' .. words .. ' ]' or words)
end

local function set(key, value)
  local before = chosen[key]
  chosen[key] = value
  mark(key, before)
  mark(key, value)
end

-- pressed once more, a choice is taken back; a mode stays
local function choose(key, value)
  set(key, chosen[key] == value and key ~= 'audition' and '' or value)
  tell[key](chosen[key])
end

local function tell_all()
  for _, key in ipairs({ 'audition', 'kind', 'favourites', 'length' }) do
    if chosen[key] ~= '' then tell[key](chosen[key]) end
  end
end

local answers = {
  ['/klustr/welcome'] = function(arguments)
    show('state', 'klustr-bridge: ' .. arguments[4] .. ' sounds')
    tell_all()
    send('/klustr/ping', 0)
  end,
  ['/klustr/pong'] = function(arguments)
    if run and run ~= arguments[2] then hello() end -- started anew, between two pings
    run = arguments[2]
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
  if tell[key] then choose(key, value) end
  if key == 'all' then
    for _, narrowed in ipairs({ 'kind', 'favourites', 'length' }) do set(narrowed, '') end
    send('/klustr/filter/clear')
  end
  if pressed[key] and (current > 0 or key == 'pad') then pressed[key](value) end
end

function init()
  show('state', 'start klustr-bridge, then wait a moment')
  mark('audition', chosen.audition)
  hello()
end

function update()
  local now = getMillis()
  if now - last_tick < TICK_MS then return end
  last_tick = now
  if heard then
    send('/klustr/ping', 0)
  else
    show('state', 'nothing answers: is klustr-bridge there?')
    hello()
  end
  heard = false
end
