-- Draws from the bucket of requests that all nodes share, or closes it for a while.
--
-- KEYS: the budget
-- ARGV: requests that are needed, that are wanted, that come back, that are owed, microseconds for which one is refilled,
--       the bucket's size in requests, the longest wait in microseconds, milliseconds for which nobody
--       may draw from now on (0: no news)
-- Returns what was granted (from what is needed to what is wanted, or 0), the wait in microseconds, and for how many
-- milliseconds nobody may draw.
--
-- `full` is the instant at which the bucket is full again: drawing n requests moves it by n refills. What
-- would make it later than the bucket's size from now has to wait for the difference. Lua's numbers are
-- exact to 53 bits; microseconds need 51.

local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local least, want = tonumber(ARGV[1]), tonumber(ARGV[2])
local back, owed = tonumber(ARGV[3]), tonumber(ARGV[4])
local refill, longest = tonumber(ARGV[5]), tonumber(ARGV[7])
local size = refill * tonumber(ARGV[6])

local stored = redis.call('HMGET', KEYS[1], 'full', 'closed')
-- Nobody waited for longer than so: what is later was written by a clock that was set back.
local full = math.min(tonumber(stored[1] or now), now + size + 60000000)
full = math.max(math.max(full, now) - back * refill, now) + owed * refill
local closed = math.min(tonumber(stored[2] or 0), now + 86400000000)
closed = math.max(closed, now + tonumber(ARGV[8]) * 1000)

local granted, wait = 0, 0
if closed <= now and least > 0 then
  -- What comes within a quarter of a second is waited for together: fewer questions.
  local soon = math.floor((now + 250000 + size - full) / refill)
  local some = math.max(least, math.min(want, soon))
  wait = math.max(0, full + some * refill - size - now)
  if wait <= longest then
    full = full + some * refill
    granted = some
  end
end
local left = math.max(full, closed) - now
if left > 0 then
  redis.call('HSET', KEYS[1], 'full', string.format('%.0f', full), 'closed', string.format('%.0f', closed))
  redis.call('PEXPIRE', KEYS[1], math.ceil(left / 1000))
end
return { granted, wait, math.ceil(math.max(0, closed - now) / 1000) }
