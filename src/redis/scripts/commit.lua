-- Applies one change of a mailbox as a whole, unless a newer owner has committed.
--
-- KEYS: links, cursors, fence
-- ARGV: fence, cursors as JSON ('' leaves them), number of links to write,
--       then id and bytes of each, then the ids to drop
-- Returns 1, or 0 when the fence is old and nothing was written.

-- A fence has 64 bits and Lua's numbers 53: decimal texts are compared by length, then by digits.
local stored = redis.call('GET', KEYS[3])
local given = ARGV[1]
if stored and (#stored > #given or (#stored == #given and stored > given)) then
  return 0
end
redis.call('SET', KEYS[3], given)

if ARGV[2] ~= '' then
  redis.call('SET', KEYS[2], ARGV[2])
end

-- unpack is limited by the stack, about 8,000 values; 2,000 is even, as pairs need.
local function in_chunks(command, first, last)
  for from = first, last, 2000 do
    redis.call(command, KEYS[1], unpack(ARGV, from, math.min(from + 1999, last)))
  end
end

local last_put = 3 + 2 * tonumber(ARGV[3])
in_chunks('HSET', 4, last_put)
in_chunks('HDEL', last_put + 1, #ARGV)
return 1
