-- What wrk runs: sends the calls of a file in turn, and looks whether each answer is one of theirs.
-- The file is the argument; it has two lines for each call, its body and the body of its answer.
-- benchmarks/wrk.py reads the line that is printed at the end, and the answer that was wrong.

local threads = {}

function setup(thread)
  threads[#threads + 1] = thread
end

function init(arguments)
  local lines = io.lines(arguments[1])
  calls, answers, turn, wrong = {}, {}, 0, ""
  wrk.headers["Content-Type"] = "application/json"
  for body in lines do
    calls[#calls + 1] = wrk.format("POST", nil, nil, body)
    answers[lines()] = true
  end
end

function request()
  turn = turn % #calls + 1
  return calls[turn]
end

function response(status, headers, body)
  if wrong == "" and (status ~= 200 or not answers[body]) then
    wrong = status .. " " .. body
    wrk.thread:stop()
  end
end

function done(summary, latency, requests)
  local failed = summary.errors
  local failures = failed.connect + failed.read + failed.write + failed.timeout
  print(string.format("found %d %d %d %d %d", summary.requests, summary.duration, failures,
    latency:percentile(50), latency:percentile(99)))
  print("wrong " .. threads[1]:get("wrong"))
end
