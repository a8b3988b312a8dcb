"""OData's `$filter` as predicates: syntax (odata-query's parser behind limits), names, values and conditions."""
