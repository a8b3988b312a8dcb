"""Datasets by the names that people give them."""

from accounts.roles import READ_RULES
from accounts.services.access import Access
from exports.models import Dataset
from exports.services.errors import Invalid
from exports.services.nearest import known_names, shown


def dataset_named(access: Access, source: str, name: str) -> Dataset:
    """Of the organization's source of that key. Raises Invalid, naming the field, and Denied."""
    access.need(READ_RULES)
    there = list(Dataset.objects.filter(source__organization=access.organization).select_related("source", "parent").order_by("pk"))
    keys = [dataset.source.key for dataset in there]
    if source not in keys:
        raise Invalid({"source": f'source "{shown(source)}" is unknown. {known_names(source, keys)}'})
    here = {dataset.name: dataset for dataset in there if dataset.source.key == source}
    if name not in here:
        raise Invalid({"dataset": f'dataset "{shown(name)}" is unknown in {source}. {known_names(name, here)}'})
    return here[name]
