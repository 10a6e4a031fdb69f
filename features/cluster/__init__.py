"""A Dask cluster, for what outgrows one machine: what `features` works out on its workers."""
