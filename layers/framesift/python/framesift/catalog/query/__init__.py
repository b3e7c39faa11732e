"""The query language: one grammar for the command line, the API and the page.

```
text -> parse (grammar.lark, fields, values) -> tree (canonical text) -> compile -> a condition of SQL with parameters
     -> complete (what could come next)
```
"""

from framesift.catalog.condition import Condition
from framesift.catalog.query.compile import compile_query
from framesift.catalog.query.complete import Suggestion, complete_query
from framesift.catalog.query.parse import parse_query
from framesift.catalog.query.tree import Query

__all__ = ["Condition", "Query", "Suggestion", "compile_query", "complete_query", "parse_query"]
