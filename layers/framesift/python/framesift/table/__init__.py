"""The only code that speaks to DynamoDB: one table, these records.

| pk | sk | what |
| --- | --- | --- |
| `RUN#{source}` | `{run}` | a run (`Run.id`): the truth about it |
| `RUN#{source}#{run}` | `{attempt}#{stage}#{scope}` | a stage's output, so that a resumed run does not repeat it |
| `PROGRESS#{source}#{run}` | `{stage}#{scope}` | how far a stage is, for whoever watches |
| `FAULT#{source}#{run}` | `{stage}` | why a job's process gave up: Batch keeps no more than its exit code |
| `ITEM#{source}#{id}` | `{date}#{category}` | what became of a clip on a day |
| `LIST` | `{category}` | which list is the newest: the switch |
| `TAKEDOWN#{source}` | `{id}` | a clip that must not be listed |
| `QUOTA#{service}` | `{day}` | units that a day has cost |

`detection_records.py` and `upload_records.py` add what detection and uploads keep.

Every write that can race is conditional.
"""

from framesift.table.items import ItemDay, ItemRecords, ListPointer
from framesift.table.records import Records
from framesift.table.runs import Fault, RunRecord, RunRecords, Status


class Table(RunRecords, ItemRecords):
    """The table of runs, stages, items and lists."""


__all__ = ["Fault", "ItemDay", "ListPointer", "Records", "RunRecord", "Status", "Table"]
