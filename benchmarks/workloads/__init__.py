"""What the benchmarks run: data sets, kinds of workloads, and all workloads in one `table`."""
