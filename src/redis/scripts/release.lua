-- Gives back a lease that this holder holds with this fence; leaves any other alone.
--
-- KEYS: lease
-- ARGV: fence, holder

if redis.call('GET', KEYS[1]) == ARGV[1] .. ' ' .. ARGV[2] then
  redis.call('DEL', KEYS[1])
end
return redis.status_reply('OK')
