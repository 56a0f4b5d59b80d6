-- Takes a lease that is free or already held by this holder.
--
-- KEYS: lease, the fence granted last
-- ARGV: holder, time to live in milliseconds
-- Returns the fence as text, or nothing when somebody else holds the lease. Every grant raises the
-- fence, also one to the same holder: what its former process still writes is then refused. The
-- second key never expires, so a fence is never granted twice.

local held = redis.call('GET', KEYS[1])
if held then
  local holder = string.match(held, '^%d+ (.*)$')
  if holder ~= ARGV[1] then
    return false
  end
end

redis.call('INCR', KEYS[2])
-- Read back as text: Lua's numbers would round a fence beyond 53 bits.
local fence = redis.call('GET', KEYS[2])
redis.call('SET', KEYS[1], fence .. ' ' .. ARGV[1], 'PX', ARGV[2])
return fence
