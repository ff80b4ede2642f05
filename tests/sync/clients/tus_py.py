"""tuspy as a command: python tus_py.py ENDPOINT TOKEN FILE METADATA-JSON STATE CHUNK-BYTES.

Remembers in STATE where its upload is, so that the next run goes on from there.
"""

import json
import sys

from tusclient.client import TusClient
from tusclient.storage.filestorage import FileStorage


def main(endpoint: str, token: str, file: str, metadata: str, state: str, chunk: str) -> None:
    """Send a file, or what of it is still missing."""
    client = TusClient(endpoint, headers={"Authorization": f"Bearer {token}", "Sync-Protocol": "1"})
    uploader = client.uploader(
        file,
        chunk_size=int(chunk),
        metadata=json.loads(metadata),
        store_url=True,
        url_storage=FileStorage(state),
        retries=6,
        retry_delay=0.1,
    )
    uploader.upload()


if __name__ == "__main__":
    main(*sys.argv[1:])
