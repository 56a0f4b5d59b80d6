-- Returns the entries of a list that may be meant, newest first, at most so many.
--
-- KEYS: the list
-- ARGV: the most entries, bytes that must stand at 2..9 or later in order ('' for any instant),
--       bytes that must stand at 10..25 (the link, '' for any), bytes at 26..41 (the cycle)
-- An entry begins with its version and the head: instant 8, link 16, cycle 16 bytes.

local most, since, link, cycle = tonumber(ARGV[1]), ARGV[2], ARGV[3], ARGV[4]
local found = {}
local last = redis.call('LLEN', KEYS[1]) - 1
while last >= 0 and #found < most do
  local first = math.max(0, last - 499)
  local part = redis.call('LRANGE', KEYS[1], first, last)
  for at = #part, 1, -1 do
    local entry = part[at]
    if (since == '' or string.sub(entry, 2, 9) >= since)
      and (link == '' or string.sub(entry, 10, 25) == link)
      and (cycle == '' or string.sub(entry, 26, 41) == cycle)
      and #found < most
    then
      found[#found + 1] = entry
    end
  end
  last = first - 1
end
return found
