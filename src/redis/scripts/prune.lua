-- Drops the entries at the head of two lists that are older than an instant each.
--
-- KEYS: journal, kept
-- ARGV: the first instant that stays, for each, as the 8 bytes of an entry's head
-- Returns how many went. Nothing is written when nothing is old.

local gone = 0
for list = 1, 2 do
  while true do
    local entry = redis.call('LINDEX', KEYS[list], 0)
    if not entry or string.sub(entry, 2, 9) >= ARGV[list] then break end
    redis.call('LPOP', KEYS[list])
    gone = gone + 1
  end
end
return gone
