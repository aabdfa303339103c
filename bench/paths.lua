-- wrk: asks for the paths in the file that PATHS names, in turn; each thread begins at a place of its own.
local requests, turn = {}, 0

function init()
  for path in io.lines(os.getenv("PATHS")) do
    requests[#requests + 1] = wrk.format("GET", path)
  end
  math.randomseed(tonumber(tostring(requests):match("0x(%x+)"), 16))
  turn = math.random(#requests)
end

function request()
  turn = turn % #requests + 1
  return requests[turn]
end
