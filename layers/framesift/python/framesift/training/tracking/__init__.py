"""Tracking in MLflow: every training and evaluation is a run, also while the tracking server is away.

```
RunLog (training, evaluation) -> a spool folder: events and files -> send_spool -> MLflow: a local store, or a server
                                                                    weights.py <- run id, experiment or alias
```
"""
