"""Files of drafts and cases, sealed in pieces of 1 MiB, so that no whole file is held twice and none lies in clear.

A piece is bound to its file, its number and whether it is the last: pieces cannot be swapped, dropped or cut off.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator

from sqlalchemy import delete, func
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from reports.errors import SealBrokenError
from reports.models import SealedChunk, SealedFile
from reports.sealing import context, decrypt, encrypt

CHUNK = 1024 * 1024


async def store_in_draft(session: AsyncSession, *, draft_id: str, key: bytes, content: bytes) -> str:
    """Seal a file under the draft's key; returns its id. Does not commit."""
    return await _store(session, SealedFile(id=secrets.token_hex(16), draft_id=draft_id, chunks=0), key, content)


async def store_in_case(session: AsyncSession, *, case_id: str, key: bytes, content: bytes) -> str:
    """Seal a file under the case's key; returns its id. Does not commit."""
    return await _store(session, SealedFile(id=secrets.token_hex(16), case_id=case_id, chunks=0), key, content)


async def count_pieces_of_drafts(session: AsyncSession) -> int:
    """How many pieces all unfinished reports have together."""
    query = select(func.coalesce(func.sum(SealedFile.chunks), 0)).where(col(SealedFile.draft_id).is_not(None))
    return int((await session.exec(query)).one())


async def read_file(session: AsyncSession, file_id: str, *, key: bytes) -> bytes:
    """The whole content. Raises SealBrokenError also when a piece or the file is missing."""
    return b"".join([piece async for piece in read_pieces(session, file_id, key=key)])


async def read_pieces(session: AsyncSession, file_id: str, *, key: bytes) -> AsyncIterator[bytes]:
    """The content piece by piece. Raises SealBrokenError, before the first piece when the file is missing."""
    file = await session.get(SealedFile, file_id)
    if file is None:
        raise SealBrokenError
    for number in range(file.chunks):
        chunk = await _get_chunk(session, file_id, number)
        yield await asyncio.to_thread(decrypt, key, chunk.data, _bound(file, number))
        session.expunge(chunk)


async def move_to_case(session: AsyncSession, file_id: str, *, draft_key: bytes, case_id: str, case_key: bytes) -> None:
    """Re-seal a draft's file under the key of the case that it now belongs to. Does not commit."""
    await reseal_file(session, file_id, old_key=draft_key, new_key=case_key)
    file = await session.get_one(SealedFile, file_id)
    file.draft_id, file.case_id = None, case_id
    session.add(file)
    await session.flush()


async def reseal_file(session: AsyncSession, file_id: str, *, old_key: bytes, new_key: bytes) -> None:
    """Put a file under another key. Does not commit."""
    file = await session.get(SealedFile, file_id)
    if file is None:
        raise SealBrokenError
    for number in range(file.chunks):
        chunk = await _get_chunk(session, file_id, number)
        bound = _bound(file, number)
        chunk.data = await asyncio.to_thread(_reencrypt, chunk.data, old_key, new_key, bound)
        session.add(chunk)
        await session.flush()
        session.expunge(chunk)


async def delete_file(session: AsyncSession, file_id: str) -> None:
    """Remove a file and its pieces. Does not commit."""
    await session.exec(delete(SealedFile).where(col(SealedFile.id) == file_id))


async def list_case_files(session: AsyncSession, case_id: str) -> list[str]:
    """Ids of everything that is kept for a case."""
    return list(await session.exec(select(SealedFile.id).where(SealedFile.case_id == case_id)))


async def _store(session: AsyncSession, file: SealedFile, key: bytes, content: bytes) -> str:
    file.chunks = max(1, -(-len(content) // CHUNK))
    session.add(file)
    await session.flush()
    for number in range(file.chunks):
        piece = content[number * CHUNK : (number + 1) * CHUNK]
        data = await asyncio.to_thread(encrypt, key, piece, _bound(file, number))
        chunk = SealedChunk(file_id=file.id, number=number, data=data)
        session.add(chunk)
        await session.flush()
        session.expunge(chunk)
    return file.id


async def _get_chunk(session: AsyncSession, file_id: str, number: int) -> SealedChunk:
    chunk = await session.get(SealedChunk, (file_id, number), populate_existing=True)
    if chunk is None:
        raise SealBrokenError
    return chunk


def _bound(file: SealedFile, number: int) -> bytes:
    return context("file", file.id, str(number), "last" if number == file.chunks - 1 else "more")


def _reencrypt(data: bytes, old_key: bytes, new_key: bytes, bound: bytes) -> bytes:
    return encrypt(new_key, decrypt(old_key, data, bound), bound)
