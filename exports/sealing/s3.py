"""S3 as the storage. Loaded only where a bucket is set: boto3 takes 20 MB."""

from typing import Any

from boto3.exceptions import Boto3Error
from boto3.s3.transfer import TransferConfig
from botocore.exceptions import BotoCoreError, ClientError
from storages.backends.s3 import S3Storage


class StreamingS3Storage(S3Storage):  # type: ignore[misc]  # published without types
    """S3, uploading in this thread: a stream cannot be read ahead by several, and memory stays small."""

    FAILURES = (BotoCoreError, ClientError, Boto3Error)

    def get_default_settings(self) -> dict[str, Any]:
        transfer = TransferConfig(use_threads=False, multipart_chunksize=8 * 1024 * 1024)
        return {**super().get_default_settings(), "transfer_config": transfer, "max_memory_size": 8 * 1024 * 1024}
