"""Moving windows in Redis or Valkey, for several workers; one round trip for each request."""

import secrets
from collections.abc import Sequence
from typing import Any, Final

from tyrian.errors import ConfigError, MissingDependencyError, StoreError
from tyrian.gateway.accounts.windows import State, Take, Taken

TIMEOUT_S: Final = 2.0

# Each window is a sorted set of `id:amount` by time in microseconds of the server's clock, and a
# sum beside it. All windows of a request are read before any is written.
_TAKE: Final = """
local at = redis.call('TIME')
local now = at[1] * 1000000 + at[2]
local refused, wait = 0, 0
local used, reset = {}, {}
for i = 1, #KEYS / 2 do
  local entries, sum = KEYS[2 * i - 1], KEYS[2 * i]
  local limit = tonumber(ARGV[3 * i - 1])
  local amount, window = tonumber(ARGV[3 * i]), tonumber(ARGV[3 * i + 1]) * 1000000
  local old = redis.call('ZRANGEBYSCORE', entries, '-inf', now - window)
  if #old > 0 then
    local gone = 0
    for _, member in ipairs(old) do gone = gone + string.match(member, ':(%d+)$') end
    redis.call('ZREMRANGEBYSCORE', entries, '-inf', now - window)
    redis.call('DECRBY', sum, gone)
  end
  used[i] = tonumber(redis.call('GET', sum) or '0')
  local newest = redis.call('ZREVRANGE', entries, 0, 0, 'WITHSCORES')
  reset[i] = newest[2] and (tonumber(newest[2]) + window - now) or 0
  if refused == 0 and used[i] + amount > limit then
    refused, wait = i, -1
    local left = used[i]
    local all = redis.call('ZRANGE', entries, 0, -1, 'WITHSCORES')
    for j = 1, #all, 2 do
      left = left - string.match(all[j], ':(%d+)$')
      if left + amount <= limit then
        wait = tonumber(all[j + 1]) + window - now
        break
      end
    end
  end
end
if refused == 0 then
  for i = 1, #KEYS / 2 do
    local amount, window = tonumber(ARGV[3 * i]), tonumber(ARGV[3 * i + 1])
    redis.call('ZADD', KEYS[2 * i - 1], string.format('%.0f', now), ARGV[1] .. ':' .. amount)
    redis.call('INCRBY', KEYS[2 * i], amount)
    redis.call('EXPIRE', KEYS[2 * i - 1], window + 1)
    redis.call('EXPIRE', KEYS[2 * i], window + 1)
    used[i], reset[i] = used[i] + amount, window * 1000000
  end
end
local answer = {refused, string.format('%.0f', wait)}
for i = 1, #used do
  answer[#answer + 1] = used[i]
  answer[#answer + 1] = string.format('%.0f', reset[i])
end
return answer
"""

_CORRECT: Final = """
for i = 1, #KEYS / 2 do
  local before, after = tonumber(ARGV[2 * i]), tonumber(ARGV[2 * i + 1])
  local score = redis.call('ZSCORE', KEYS[2 * i - 1], ARGV[1] .. ':' .. before)
  if score and before ~= after then
    redis.call('ZREM', KEYS[2 * i - 1], ARGV[1] .. ':' .. before)
    redis.call('ZADD', KEYS[2 * i - 1], score, ARGV[1] .. ':' .. after)
    redis.call('INCRBY', KEYS[2 * i], after - before)
  end
end
"""


class RedisWindows:
    """Windows that all workers with the same server share."""

    def __init__(self, url: str, *, prefix: str = "tyrian") -> None:
        try:
            from redis import asyncio as redis
        except ModuleNotFoundError as error:
            raise MissingDependencyError(
                "shared rate limits need the redis client, which is not installed",
                hint="pip install 'tyrian[redis]'",
            ) from error
        try:
            self._client: Any = redis.from_url(
                url.replace("valkey", "redis", 1) if url.startswith("valkey") else url,
                socket_timeout=TIMEOUT_S,
                socket_connect_timeout=TIMEOUT_S,
                decode_responses=True,
            )
        except ValueError as error:
            # The URL may hold a password, so it is not repeated here.
            raise ConfigError(
                "the URL of the Redis server cannot be read",
                hint="write it as redis://host:6379/0, rediss:// for TLS",
            ) from error
        self._prefix = prefix
        self._take = self._client.register_script(_TAKE)
        self._correct = self._client.register_script(_CORRECT)

    async def take(self, takes: Sequence[Take]) -> Taken:
        """Take from all of the limits, or from none."""
        entry = new_entry()
        arguments: list[str | int] = [entry]
        for take in takes:
            arguments += [take.limit, take.amount, take.window_s]
        refused, wait, *rest = await self._run(self._take, takes, arguments)
        states = [
            State(take, int(used), int(reset) / 1e6)
            for take, used, reset in zip(takes, rest[::2], rest[1::2], strict=True)
        ]
        if not refused:
            return Taken(entry, states)
        retry_s = float("inf") if int(wait) < 0 else int(wait) / 1e6
        return Taken("", states, takes[int(refused) - 1], retry_s)

    async def correct(self, entry: str, takes: Sequence[Take], amounts: Sequence[int]) -> None:
        """Set what a request took to what it used."""
        arguments: list[str | int] = [entry]
        for take, amount in zip(takes, amounts, strict=True):
            arguments += [take.amount, amount]
        await self._run(self._correct, takes, arguments)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def _run(self, script: Any, takes: Sequence[Take], arguments: list[str | int]) -> Any:
        from redis.exceptions import RedisError

        keys = []
        for take in takes:
            name = f"{self._prefix}:{take.name}:{take.window_s}"
            keys += [f"{name}:entries", f"{name}:sum"]
        try:
            return await script(keys=keys, args=arguments)
        except (RedisError, OSError, TimeoutError) as error:
            raise StoreError(
                f"the Redis server cannot count: {type(error).__name__}",
                hint="check the URL of the Redis server and whether it runs",
            ) from error


def new_entry() -> str:
    """A name that no other worker gives."""
    return secrets.token_hex(8)
