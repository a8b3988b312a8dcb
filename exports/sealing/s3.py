"""S3 as the storage. Loaded only where a bucket is set: boto3 takes 20 MB."""

import logging
from typing import Any

from boto3.exceptions import Boto3Error
from boto3.s3.transfer import TransferConfig
from botocore.exceptions import BotoCoreError, ClientError
from storages.backends.s3 import S3Storage

logger = logging.getLogger(__name__)

_REFUSED = {"AccessDenied", "MethodNotAllowed", "NotImplemented"}
_WHAT_TO_DO = "allow s3:ListBucketMultipartUploads and s3:AbortMultipartUpload, or give it a lifecycle rule AbortIncompleteMultipartUpload."


class StreamingS3Storage(S3Storage):  # type: ignore[misc]  # published without types
    """S3, uploading in this thread: a stream cannot be read ahead by several, and memory stays small."""

    FAILURES = (BotoCoreError, ClientError, Boto3Error)

    def get_default_settings(self) -> dict[str, Any]:
        transfer = TransferConfig(use_threads=False, multipart_chunksize=8 * 1024 * 1024)
        return {**super().get_default_settings(), "transfer_config": transfer, "max_memory_size": 8 * 1024 * 1024}

    def give_up_uploads(self, folder: str) -> None:
        """See exports.sealing.storage.Uploads. Whoever may not do this is told, and may let the bucket end them by a rule of its own."""
        try:
            for upload in self.bucket.multipart_uploads.filter(Prefix=f"{self._normalize_name(folder)}/"):
                upload.abort()
        except ClientError as error:
            if error.response["Error"]["Code"] not in _REFUSED:
                raise
            logger.warning("Uploads that were not ended stay in the bucket %s: %s", self.bucket_name, _WHAT_TO_DO)
