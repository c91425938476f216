"""What midden's page does with an uploaded dump: load it into a database, and tell the types.

Usage: midden_load.py DUMP DIRECTORY
"""

import sys

from midden_analysis import EstimatorPrecision, HeapDumpExplorer

if __name__ == "__main__":
    explorer = HeapDumpExplorer(sys.argv[2])
    with open(sys.argv[1], "rb") as dump:
        # The page's own choice.
        explorer.import_lines(dump, EstimatorPrecision.Medium)
    types = explorer.get_type_summaries()
    print(sum(summary.count for _, summary in types))
