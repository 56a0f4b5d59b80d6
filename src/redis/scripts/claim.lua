-- Takes a mailbox over, unless a newer owner has done so, and returns what is remembered of it.
--
-- KEYS: links, cursors, fence, seq, category
-- ARGV: fence
-- Returns the number of its state, the cursors and the category or empty texts, and the links; nothing
-- when the fence is old.

-- A fence has 64 bits and Lua's numbers 53: decimal texts are compared by length, then by digits.
local stored = redis.call('GET', KEYS[3])
local given = ARGV[1]
if stored and (#stored > #given or (#stored == #given and stored > given)) then
  return false
end
if stored ~= given then
  redis.call('SET', KEYS[3], given)
end
local seq = redis.call('HGET', KEYS[4], 'n') or '0'
local function text(key)
  return redis.call('GET', key) or ''
end
return { seq, text(KEYS[2]), text(KEYS[5]), redis.call('HVALS', KEYS[1]) }
