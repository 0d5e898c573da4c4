"""Files are sealed in pieces that cannot be swapped, dropped, cut off or read elsewhere."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import delete
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from reports.errors import SealBrokenError
from reports.files import CHUNK, delete_file, read_file, read_pieces, reseal_file, store_in_draft
from reports.models import Draft, SealedChunk, SealedFile
from reports.sealing import new_key
from tests.reports.world import World

CONTENT = bytes(range(256)) * (CHUNK // 256) * 2 + b"the end"


async def store(session: AsyncSession, world: World, key: bytes, content: bytes) -> str:
    if await session.get(Draft, "draft") is None:
        expires_at = world.clock.now() + timedelta(hours=24)
        session.add(Draft(id="draft", salt=b"s" * 16, body=b"b", expires_at=expires_at))
        await session.flush()
    return await store_in_draft(session, draft_id="draft", key=key, content=content)


@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK])
async def test_a_file_of_any_size_comes_back(world: World, size: int) -> None:
    content, key = (CONTENT * 2)[:size], new_key()
    async with world.database.session() as session:
        file_id = await store(session, world, key, content)
        assert await read_file(session, file_id, key=key) == content
        pieces = [len(piece) async for piece in read_pieces(session, file_id, key=key)]
    assert sum(pieces) == size
    assert max(pieces) <= CHUNK


async def test_pieces_hold_nothing_in_clear_and_stay_in_their_place(world: World) -> None:
    key = new_key()
    async with world.database.session() as session:
        first, second = [await store(session, world, key, CONTENT) for _ in range(2)]
        pieces = {(piece.file_id, piece.number): piece for piece in await session.exec(select(SealedChunk))}
        assert len(pieces) == 6
        assert not any(b"the end" in piece.data or bytes(range(256)) in piece.data for piece in pieces.values())
        await session.commit()
        for one, other in (((first, 0), (first, 1)), ((first, 1), (second, 1))):
            a, b = pieces[one], pieces[other]
            a.data, b.data = b.data, a.data
            session.add_all([a, b])
            await session.flush()
            with pytest.raises(SealBrokenError):
                await read_file(session, first, key=key)
            await session.rollback()
            pieces = {(piece.file_id, piece.number): piece for piece in await session.exec(select(SealedChunk))}


async def test_a_file_that_lost_its_end_is_broken(world: World) -> None:
    key = new_key()
    async with world.database.session() as session:
        file_id = await store(session, world, key, CONTENT)
        file = await session.get_one(SealedFile, file_id)
        file.chunks = 2
        session.add(file)
        await session.flush()
        with pytest.raises(SealBrokenError):
            await read_file(session, file_id, key=key)
        file.chunks = 3
        await session.exec(delete(SealedChunk).where(col(SealedChunk.number) == 2))
        with pytest.raises(SealBrokenError):
            await read_file(session, file_id, key=key)
        with pytest.raises(SealBrokenError):
            await read_file(session, "nothing", key=key)


async def test_a_file_changes_its_key(world: World) -> None:
    old, new = new_key(), new_key()
    async with world.database.session() as session:
        file_id = await store(session, world, old, CONTENT)
        await reseal_file(session, file_id, old_key=old, new_key=new)
        assert await read_file(session, file_id, key=new) == CONTENT
        with pytest.raises(SealBrokenError):
            await read_file(session, file_id, key=old)


async def test_pieces_go_with_their_file_and_files_with_their_draft(world: World) -> None:
    key = new_key()
    async with world.database.session() as session:
        kept = await store(session, world, key, CONTENT)
        await delete_file(session, await store(session, world, key, CONTENT))
        assert {piece.file_id for piece in await session.exec(select(SealedChunk))} == {kept}
        await session.exec(delete(Draft))
        assert list(await session.exec(select(SealedFile.id))) == []
        assert list(await session.exec(select(SealedChunk.number))) == []
