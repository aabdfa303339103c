-- wrk: posts the events in the file that EVENTS names, in turn: one a request, or BATCH of them as an array.
local batch = tonumber(os.getenv("BATCH") or "1")
local requests, turn = {}, 0

function init()
  local headers = { ["Content-Type"] = "application/json" }
  local events = {}
  for event in io.lines(os.getenv("EVENTS")) do
    events[#events + 1] = event
  end
  for first = 1, #events do
    local body = events[first]
    if batch > 1 then
      local chosen = {}
      for place = 1, batch do
        chosen[place] = events[(first + place) % #events + 1]
      end
      body = "[" .. table.concat(chosen, ",") .. "]"
    end
    requests[first] = wrk.format("POST", "/events", headers, body)
    if batch > 1 and first == 4 then break end -- a megabyte each is enough of them
  end
end

function request()
  turn = turn % #requests + 1
  return requests[turn]
end
