-- wrk: posts the events in the file that EVENTS names, one a request, in turn.
local requests, turn = {}, 0

function init()
  local headers = { ["Content-Type"] = "application/json" }
  for event in io.lines(os.getenv("EVENTS")) do
    requests[#requests + 1] = wrk.format("POST", "/events", headers, event)
  end
end

function request()
  turn = turn % #requests + 1
  return requests[turn]
end
