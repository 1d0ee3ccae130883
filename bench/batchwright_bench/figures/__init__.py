"""What was measured: histograms, intervals, results, comparisons. Pure."""
