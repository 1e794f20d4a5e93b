"""The key store on PostgreSQL; needs TYRIAN_TEST_POSTGRESQL, the URL of an empty database."""

import os
from concurrent.futures import ThreadPoolExecutor

import pytest

from tyrian.errors import StoreError
from tyrian.gateway.accounts.keys import Keys
from tyrian.gateway.store.engine import Store

pytest.importorskip("psycopg", reason="the extra tyrian[postgres] is not installed")

URL = os.environ.get("TYRIAN_TEST_POSTGRESQL", "")


@pytest.mark.skipif(not URL, reason="TYRIAN_TEST_POSTGRESQL names no database")
async def test_keys_live_and_die_as_they_do_on_sqlite() -> None:
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(Store.open, [URL] * 3))
    store = Store.open(URL)
    keys = Keys(store)
    record, old = await keys.create("first")
    _, new = await keys.rotate(record.id, overlap_s=60)
    assert await keys.verify(old)
    assert await keys.verify(new)
    await keys.revoke(record.id)
    assert await keys.verify(new) is None
    await keys.close()
    assert record.id in [listed.id for listed in await keys.list()]
    await store.close()


def test_a_server_that_is_not_there_is_told_without_the_password() -> None:
    with pytest.raises(StoreError, match="cannot be reached") as caught:
        Store.open("postgresql://tyrian:hunter2@127.0.0.1:9/none")
    assert "hunter2" not in str(caught.value)
