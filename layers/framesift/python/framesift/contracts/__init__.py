"""What travels between the states of the workflow, and what lies in its manifests.

States pass references and small facts; items lie in manifests (JSONL, one `Item` a line). Only optional fields are
ever added, since functions, jobs and running executions change at different moments of a deployment.
"""

from framesift.contracts.base import (
    Contract,
    Run,
)
from framesift.contracts.items import (
    Decision,
    Detection,
    DropReason,
    Duplicate,
    Item,
    ItemError,
    Language,
    Media,
    Region,
)
from framesift.contracts.stages import (
    AnalysisJob,
    AnalysisSummary,
    ArchiveOutput,
    CategoryInput,
    CategoryManifest,
    CollectOutput,
    CurateOutput,
    FailInput,
    FinishInput,
    FinishOutput,
    GateBaseline,
    GateOutput,
    HistoryManifest,
    JobSpec,
    PlanOutput,
    PredictedCategory,
    PredictOutput,
    PublishedList,
    PublishOutput,
    StageInput,
    TeachOutput,
    TrainingInput,
    TrainingOutput,
)
from framesift.contracts.start import (
    BeginInput,
    BeginOutput,
    StartInput,
    UploadedObject,
)
from framesift.contracts.top_list import (
    TopItem,
    TopList,
)
from framesift.contracts.uploads import Finding, PoseJob, PosesOutput, Upload

__all__ = [
    "AnalysisJob",
    "AnalysisSummary",
    "ArchiveOutput",
    "BeginInput",
    "BeginOutput",
    "CategoryInput",
    "CategoryManifest",
    "CollectOutput",
    "Contract",
    "CurateOutput",
    "Decision",
    "Detection",
    "DropReason",
    "Duplicate",
    "FailInput",
    "Finding",
    "FinishInput",
    "FinishOutput",
    "GateBaseline",
    "GateOutput",
    "HistoryManifest",
    "Item",
    "ItemError",
    "JobSpec",
    "Language",
    "Media",
    "PlanOutput",
    "PoseJob",
    "PosesOutput",
    "PredictOutput",
    "PredictedCategory",
    "PublishOutput",
    "PublishedList",
    "Region",
    "Run",
    "StageInput",
    "StartInput",
    "TeachOutput",
    "TopItem",
    "TopList",
    "TrainingInput",
    "TrainingOutput",
    "Upload",
    "UploadedObject",
]
