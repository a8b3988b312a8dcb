"""Retention jobs as MedChat has them (medchat-create-retention-job.txt). What is decided where it is silent: docs/retention-jobs.md."""
