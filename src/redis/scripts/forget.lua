-- Forgets all of a mailbox but its fence and its number, unless it is not claimed under this fence.
--
-- KEYS: fence, seq, then what goes
-- ARGV: fence
-- Returns the new number. Nothing was written when it returns -1, because the fence is old, or -2,
-- because nobody claimed the mailbox under this one: the server lost what it had.

-- A fence has 64 bits and Lua's numbers 53: decimal texts are compared by length, then by digits.
local stored = redis.call('GET', KEYS[1])
local given = ARGV[1]
if stored and (#stored > #given or (#stored == #given and stored > given)) then
  return -1
end
if stored ~= given then
  return -2
end
redis.call('UNLINK', unpack(KEYS, 3))
local seq = tonumber(redis.call('HGET', KEYS[2], 'n') or '0') + 1
redis.call('HSET', KEYS[2], 'n', string.format('%.0f', seq))
-- A commit that is sent again after this one was not carried out on top of it.
redis.call('HDEL', KEYS[2], 'by')
return seq
