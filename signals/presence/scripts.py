"""What Redis does in one step. Every key of a region begins with the same tag, so that a Cluster keeps them together.

KEYS[1] is that beginning, `ib:{REGION}`; under it:

    :s:ID       a session's record, packed           :at:PROCESS  the sessions with sockets there
    :handles    handle -> session                    :procs       process -> until when it is believed (Redis's clock)
    :due        session -> its next deadline         :sweeper     the process that sweeps now
    :n          counters                             :note:KEY    a figure left for another process
    :blocks     block -> version of its rows         :clock       the last version given
    :b:BLOCK    session -> its looks, packed         :room:KEY    when a bucket of a limit is full again

and the channels :sights (every change that a radar may show) and :to:PROCESS (what its sockets are sent).
"""

from __future__ import annotations

from typing import Final

# Swap sessions if each is still what the decision was made on; otherwise nothing, and what they are now.
# A row that changes gives its block a new version: microseconds, and always more than the last, so that a version is
# never used twice, whatever Redis forgets. Subscribers hear "BLOCK FROM TO" of each block, and what changed in it.
SWAP: Final = """
local p, plan = KEYS[1], cmsgpack.unpack(ARGV[1])
local keep = plan.keep
for _, s in ipairs(plan.sessions) do
  if (redis.call('GET', p .. ':s:' .. s.id) or '') ~= s.old then
    local now = {}
    for i, t in ipairs(plan.sessions) do now[i] = redis.call('GET', p .. ':s:' .. t.id) end
    return {0, now}
  end
end
if plan.handle ~= '' then
  if redis.call('HSETNX', p .. ':handles', plan.handle, plan.sessions[1].id) == 0 then return {0, {}} end
  redis.call('EXPIRE', p .. ':handles', keep)
end
for _, s in ipairs(plan.sessions) do
  if s.new == '' then
    redis.call('DEL', p .. ':s:' .. s.id)
    redis.call('ZREM', p .. ':due', s.id)
    redis.call('HDEL', p .. ':handles', s.handle)
  elseif s.new ~= s.old then
    redis.call('SET', p .. ':s:' .. s.id, s.new, 'EX', keep)
    redis.call('ZADD', p .. ':due', s.due, s.id)
    redis.call('EXPIRE', p .. ':due', keep)
  end
  for _, home in ipairs(s.came) do
    redis.call('SADD', p .. ':at:' .. home, s.id)
    redis.call('EXPIRE', p .. ':at:' .. home, keep)
  end
  for _, home in ipairs(s.went) do redis.call('SREM', p .. ':at:' .. home, s.id) end
end
for name, by in pairs(plan.counters) do
  if redis.call('HINCRBY', p .. ':n', name, by) == 0 then redis.call('HDEL', p .. ':n', name) end
  redis.call('EXPIRE', p .. ':n', keep)
end
if #plan.rows > 0 then
  local t = redis.call('TIME')
  local version = math.max((tonumber(redis.call('GET', p .. ':clock')) or 0) + 1, t[1] * 1000000 + t[2])
  version = string.format('%.0f', version)
  redis.call('SET', p .. ':clock', version, 'EX', keep)
  local from, order = {}, {}
  for _, row in ipairs(plan.rows) do
    local block, id, looks = row[1], row[2], row[3]
    if not from[block] then
      from[block] = redis.call('HGET', p .. ':blocks', block) or '0'
      order[#order + 1] = block
    end
    if looks == '' then
      redis.call('HDEL', p .. ':b:' .. block, id)
    else
      redis.call('HSET', p .. ':b:' .. block, id, looks)
      redis.call('EXPIRE', p .. ':b:' .. block, keep)
    end
  end
  local heads = {}
  for i, block in ipairs(order) do
    local to = version
    if redis.call('EXISTS', p .. ':b:' .. block) == 1 then
      redis.call('HSET', p .. ':blocks', block, version)
      redis.call('EXPIRE', p .. ':blocks', keep)
    else
      redis.call('HDEL', p .. ':blocks', block)
      to = '0'
    end
    heads[i] = block .. ' ' .. from[block] .. ' ' .. to
  end
  plan.head = table.concat(heads, ' ')
end
if plan.change ~= '' then
  redis.call('PUBLISH', p .. ':sights', (plan.head or '') .. '\\n' .. plan.change)
end
if redis.call('ZCARD', p .. ':due') == 0 then redis.call('DEL', p .. ':clock') end
local reached = 0
for _, post in ipairs(plan.posts) do reached = reached + redis.call('PUBLISH', p .. ':to:' .. post[1], post[2]) end
return {1, reached}
"""

# Be believed for so many seconds more, unless one's time was over: then nobody counts on this process any more.
BEAT: Final = """
local p, name, lease, keep, new = KEYS[1], ARGV[1], tonumber(ARGV[2]), ARGV[3], ARGV[4]
local now = tonumber(redis.call('TIME')[1])
if new == '' then
  local until_ = tonumber(redis.call('ZSCORE', p .. ':procs', name) or '0')
  if until_ < now then return 0 end
end
redis.call('ZADD', p .. ':procs', now + lease, name)
redis.call('EXPIRE', p .. ':procs', keep)
return 1
"""

# Give a name up: its sessions, if any are left, are orphans at once.
LEAVE: Final = """
local p, name = KEYS[1], ARGV[1]
if redis.call('EXISTS', p .. ':at:' .. name) == 1 then
  redis.call('ZADD', p .. ':procs', 0, name)
else
  redis.call('ZREM', p .. ':procs', name)
end
return 1
"""

# One process sweeps, until it has not asked for two seconds.
CLAIM: Final = """
local p, name = KEYS[1], ARGV[1]
local holder = redis.call('GET', p .. ':sweeper')
if holder and holder ~= name then return 0 end
redis.call('SET', p .. ':sweeper', name, 'PX', 2000)
"""

DUE: Final = (
    CLAIM
    + """
return redis.call('ZRANGEBYSCORE', p .. ':due', '-inf', ARGV[2], 'LIMIT', 0, ARGV[3])
"""
)

# Sessions of processes that nobody believes any more; such a process is forgotten when it has none left.
ORPHANS: Final = (
    CLAIM
    + """
local found, now = {}, tonumber(redis.call('TIME')[1])
for _, gone in ipairs(redis.call('ZRANGEBYSCORE', p .. ':procs', '-inf', '(' .. now, 'LIMIT', 0, 20)) do
  local ids = redis.call('SRANDMEMBER', p .. ':at:' .. gone, ARGV[2])
  if #ids == 0 then redis.call('ZREM', p .. ':procs', gone) end
  for _, id in ipairs(ids) do found[#found + 1] = {id, gone} end
end
return found
"""
)

# One from a bucket that all processes share, kept as the moment at which it is full again; gives the seconds to wait.
TAKE: Final = """
local key, each, burst = KEYS[1] .. ':room:' .. ARGV[1], 1 / tonumber(ARGV[2]), tonumber(ARGV[3])
local t = redis.call('TIME')
local now = t[1] + t[2] / 1000000
local full = math.max(tonumber(redis.call('GET', key)) or 0, now) + each
local wait = full - now - burst * each
if wait > 0.000001 then return string.format('%.6f', wait) end
redis.call('SET', key, string.format('%.6f', full), 'PX', math.ceil((full - now) * 1000))
return '0'
"""
