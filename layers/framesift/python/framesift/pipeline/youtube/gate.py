"""Training and gate: wait for an iteration, and put it in service only if it is no worse than the one there."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from framesift.contracts import GateBaseline, GateOutput, TrainingInput, TrainingOutput
from framesift.detection.azure.trainer import OUR_NAMES
from framesift.errors import NothingToRollBackError, RunBusyError
from framesift.pipeline.stage import run_once
from framesift.settings import CustomVisionSettings
from framesift.table import InService, Records

if TYPE_CHECKING:
    from framesift.detection.azure import CustomVisionDetector, CustomVisionTrainer


def check_training(
    request: TrainingInput, settings: CustomVisionSettings, trainer: CustomVisionTrainer
) -> TrainingOutput:
    """Report how far a training is; the workflow waits, not this function.

    Raises:
        TrainingFailedError: It failed.
    """
    done = trainer.is_trained(request.iteration_id)
    return TrainingOutput(
        status="completed" if done else "training",
        iteration_id=request.iteration_id,
        check_after_s=settings.training_check_s,
    )


def gate_iteration(
    request: TrainingInput,
    settings: CustomVisionSettings,
    records: Records,
    trainer: CustomVisionTrainer,
    predictor: CustomVisionDetector,
) -> GateOutput:
    """Publish an iteration and let it predict, if its average precision is no worse by more than the margin.

    Each iteration is measured by the service on images that it held out. The former one stays published, for
    `roll_back`.

    Raises:
        PredictionResourceError: The settings name no prediction resource that the service knows.
        RunBusyError: Another iteration was put in service meanwhile.
    """

    def work() -> GateOutput:
        output = _judge(request, settings, records, trainer, predictor)
        records.training.record_judged(trainer.project_id, request.iteration_id, output.outcome)
        return output

    return run_once(records.stages, request.run, "gate", [request.iteration_id], GateOutput, work)


def gate_baseline(settings: CustomVisionSettings, records: Records) -> GateBaseline:
    """What the gate would compare an iteration with, now."""
    from framesift.detection.azure import CustomVisionDetector

    now = records.training.in_service() or _serving_project(CustomVisionDetector.from_settings(settings, None))
    return GateBaseline(
        publish_name=now.publish_name, average_precision=now.average_precision, margin=settings.gate_margin
    )


def roll_back(records: Records) -> InService:
    """Let the former iteration predict again; the one in service becomes the former.

    Raises:
        NothingToRollBackError: None was in service before.
        RunBusyError: Another iteration was put in service meanwhile.
    """
    now = records.training.in_service()
    if now is None or now.former is None:
        raise NothingToRollBackError("No iteration was in service before: there is nothing to roll back to.")
    back = now.former.model_copy(update={"since": datetime.now(UTC), "former": now.model_copy(update={"former": None})})
    if not records.training.put_in_service(back, now):
        raise RunBusyError("Another iteration was put in service at the same moment; try again.")
    return back


def _judge(
    request: TrainingInput,
    settings: CustomVisionSettings,
    records: Records,
    trainer: CustomVisionTrainer,
    predictor: CustomVisionDetector,
) -> GateOutput:
    iteration_id = request.iteration_id
    in_service = records.training.in_service()
    if in_service is not None and in_service.iteration_id == iteration_id:  # An earlier try died after the switch.
        return _published(in_service)
    former = in_service or _serving_project(predictor)
    average = trainer.average_precision(iteration_id)
    if average + settings.gate_margin < former.average_precision:
        return GateOutput(
            outcome="kept_former",
            why=(
                f"Its average precision is {average:.3f}; the one in service has {former.average_precision:.3f}, and "
                f"at most {settings.gate_margin:g} less is allowed."
            ),
            iteration_id=iteration_id,
            average_precision=average,
            former_average_precision=former.average_precision,
        )
    name = trainer.publish(iteration_id, f"{OUR_NAMES}{request.run.date}-{iteration_id[:8]}")
    service = InService(
        project_id=trainer.project_id,
        publish_name=name,
        iteration_id=iteration_id,
        average_precision=average,
        since=datetime.now(UTC),
        former=former.model_copy(update={"former": None}),
    )
    if not records.training.put_in_service(service, in_service):
        raise RunBusyError("Another iteration was put in service at the same moment; try again.")
    return _published(service)


def _published(service: InService) -> GateOutput:
    former = service.former.average_precision if service.former else None
    return GateOutput(
        outcome="published",
        why=f"It predicts from now on, as {service.publish_name}.",
        iteration_id=service.iteration_id,
        publish_name=service.publish_name,
        average_precision=service.average_precision,
        former_average_precision=former,
    )


def _serving_project(predictor: CustomVisionDetector) -> InService:
    """The serving project's iteration: it predicts until a candidate does, and the service can measure it as well."""
    return InService(
        project_id=predictor.project_id,
        publish_name=predictor.publish_name,
        iteration_id=predictor.iteration_id,
        average_precision=predictor.average_precision(),
        since=datetime.now(UTC),
    )
