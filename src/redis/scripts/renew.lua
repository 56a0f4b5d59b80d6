-- Prolongs a lease that this holder holds with this fence.
--
-- KEYS: lease
-- ARGV: fence, holder, time to live in milliseconds
-- Returns 1, or 0 when it expired or somebody else holds it.

if redis.call('GET', KEYS[1]) ~= ARGV[1] .. ' ' .. ARGV[2] then
  return 0
end
return redis.call('PEXPIRE', KEYS[1], ARGV[3])
