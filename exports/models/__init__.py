"""What is kept: sources and datasets, certificates, jobs, their runs, the parts of a run and its sealed files; notices and whom they are sent to."""

from exports.models.certificate import Certificate, Challenge
from exports.models.extract import Captured, Extract
from exports.models.file import File
from exports.models.job import Job
from exports.models.notice import Delivery, MailAddress, Notice, Webhook
from exports.models.run import Part, Run
from exports.models.source import Dataset, Source
from exports.models.sync import Delivered

__all__ = [
    "Captured",
    "Certificate",
    "Challenge",
    "Dataset",
    "Delivered",
    "Delivery",
    "Extract",
    "File",
    "Job",
    "MailAddress",
    "Notice",
    "Part",
    "Run",
    "Source",
    "Webhook",
]
