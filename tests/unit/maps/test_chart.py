"""Maps of vectors: neighbours stay neighbours, seeds repeat, scores are the papers', names say what is common."""

from __future__ import annotations

import io

import numpy as np
import pyarrow.parquet as pq
import pytest
from numpy.typing import NDArray
from PIL import Image
from sklearn.manifold import trustworthiness
from sklearn.neighbors import LocalOutlierFactor, NearestNeighbors

from framesift.contracts.maps import MapCluster, MapMethod, MapOptions
from framesift.errors import InvalidVectorError, MapOptionsError, TooFewItemsError
from framesift.maps.chart import Chart, draw_chart, extend_chart
from framesift.maps.clusters import find_clusters, find_terms, name_clusters, vote
from framesift.maps.neighbors import find_own_neighbors
from framesift.maps.outliers import OutlierScores, score_outliers
from framesift.maps.picture import draw_picture
from framesift.maps.projection import Reducer, measure_trust, place, project
from framesift.maps.select import Selection, select_items
from framesift.maps.table import make_table, pack_table, read_chart, unpack_table
from tests.unit.catalog.items import make_item

Vectors = NDArray[np.float32]


def make_groups(
    groups: int = 4, each: int = 40, dimension: int = 32, seed: int = 0
) -> tuple[Vectors, NDArray[np.int64]]:
    random = np.random.default_rng(seed)
    centres = random.normal(0, 2, (groups, dimension))
    rows = centres[:, None] + random.normal(0, 0.6, (groups, each, dimension))
    return rows.reshape(-1, dimension).astype(np.float32), np.repeat(np.arange(groups), each)


def test_groups_of_similar_vectors_become_clusters() -> None:
    vectors, groups = make_groups()
    chart, quality = draw_chart(vectors, MapOptions())
    assert chart.places.shape == (160, 2)
    assert np.abs(chart.places).max() == pytest.approx(1)
    assert chart.fitted.all()
    for group in range(4):
        assert len(set(chart.clusters[groups == group])) == 1
    assert len(set(chart.clusters)) == 4
    assert quality.trustworthiness > 0.85
    assert 0.9 < quality.explained <= 1


@pytest.mark.parametrize("method", ["tsne", "pca"])
def test_the_same_seed_draws_the_same_map(method: MapMethod) -> None:
    vectors, _ = make_groups()
    first, second = (draw_chart(vectors, MapOptions(method=method, seed=3))[0] for _ in range(2))
    assert np.array_equal(first.places, second.places)
    assert np.array_equal(first.clusters, second.clusters)
    assert np.array_equal(first.outliers.forest, second.outliers.forest)


@pytest.mark.slow
def test_umap_draws_in_three_dimensions_and_repeats_itself() -> None:  # Most of it is the time that numba takes.
    vectors, groups = make_groups()
    options = MapOptions(method="umap", dimensions=3, neighbors=10)
    chart, quality = draw_chart(vectors, options)
    assert chart.places.shape == (160, 3)
    assert quality.trustworthiness > 0.85
    assert all(len(set(chart.clusters[groups == group])) == 1 for group in range(4))
    assert np.array_equal(draw_chart(vectors, options)[0].places, chart.places)
    assert Image.open(io.BytesIO(draw_picture(chart, [], "three"))).size == (1200, 1200)


def test_trustworthiness_is_that_of_the_paper() -> None:
    random = np.random.default_rng(1)
    vectors, _ = make_groups()
    for places in (random.normal(0, 1, (160, 2)).astype(np.float32), vectors[:, :2]):
        wanted = trustworthiness(vectors, places, n_neighbors=10)
        assert measure_trust(vectors, places) == pytest.approx(wanted, abs=2e-3)
        assert measure_trust(vectors, places, sample=120) == pytest.approx(wanted, abs=0.03)


@pytest.mark.parametrize("count", [10, 11, 40])
@pytest.mark.parametrize("method", ["tsne", "pca"])
def test_a_few_vectors_are_enough(method: MapMethod, count: int) -> None:
    chart, _ = draw_chart(np.random.default_rng(0).normal(size=(count, 4)), MapOptions(method=method))
    assert chart.places.shape == (count, 2)
    assert np.isfinite(chart.places).all()


@pytest.mark.parametrize(
    "vectors", [np.ones((30, 8)), np.zeros((30, 8)), np.eye(30)[:, :1], np.repeat(np.eye(3), 10, 0)]
)
def test_vectors_that_are_all_alike_harm_nothing(vectors: Vectors) -> None:
    chart, quality = draw_chart(vectors, MapOptions())
    assert np.isfinite(chart.places).all()
    assert np.isfinite(chart.outliers.lof).all()
    assert 0 <= quality.explained <= 1


def test_too_few_vectors_are_refused() -> None:
    with pytest.raises(TooFewItemsError, match="at least 10 images with vectors, and there are 9"):
        draw_chart(np.ones((9, 4)), MapOptions())


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_vectors_that_are_no_numbers_are_refused(wrong: float) -> None:
    vectors, _ = make_groups()
    damaged = vectors.copy()
    damaged[[3, 7], 5] = wrong
    with pytest.raises(InvalidVectorError, match="2 of 160 vectors"):
        draw_chart(damaged, MapOptions())
    chart, _ = draw_chart(vectors, MapOptions(method="pca"))
    with pytest.raises(InvalidVectorError, match="2 of 160 vectors"):
        extend_chart(vectors, chart.places, chart.clusters, damaged, 0)


def test_of_many_a_sample_is_laid_out_and_the_others_are_placed_by_it() -> None:
    vectors, groups = make_groups(each=60)
    chart, _ = draw_chart(vectors, MapOptions(max_fitted=100))
    assert chart.fitted.sum() == 100
    for group in range(4):
        members = groups == group
        assert len(set(chart.clusters[members])) == 1
        middle = chart.places[members & chart.fitted].mean(axis=0)
        spread = np.linalg.norm(chart.places[members & chart.fitted] - middle, axis=1).max()
        assert np.linalg.norm(chart.places[members & ~chart.fitted] - middle, axis=1).max() <= spread


def test_new_vectors_are_placed_without_moving_the_map() -> None:
    vectors, groups = make_groups(each=50)
    old, new = np.arange(200) % 5 > 0, np.arange(200) % 5 == 0
    chart, _ = draw_chart(vectors[old], MapOptions())
    before = chart.places.copy()
    placed = extend_chart(vectors[old], chart.places, chart.clusters, vectors[new], 0)
    assert np.array_equal(chart.places, before)
    assert not placed.fitted.any()
    for group in range(4):
        assert set(placed.clusters[groups[new] == group]) == set(chart.clusters[groups[old] == group])
    same = extend_chart(vectors[old], chart.places, chart.clusters, vectors[old][:7], 0)
    assert same.places == pytest.approx(chart.places[:7], abs=1e-4)


def test_a_point_between_two_lies_between_them_on_the_map() -> None:
    points = np.array([[0, 0], [10, 0]], np.float32)
    places = np.array([[0, 0], [1, 1]], np.float32)
    found = place(points, places, np.array([[5, 0], [1, 0], [10, 0]], np.float32))
    assert found[0] == pytest.approx([0.5, 0.5])
    assert (found[1] < 0.2).all()
    assert found[2] == pytest.approx([1, 1])


def test_outlier_scores_are_those_of_the_papers() -> None:
    vectors, _ = make_groups()
    scores, _ = score_outliers(vectors, vectors[:0], 0)
    distances, _ = NearestNeighbors(n_neighbors=10).fit(vectors).kneighbors()
    assert scores.knn == pytest.approx(distances[:, -1], rel=1e-4)
    theirs = -LocalOutlierFactor(n_neighbors=10).fit(vectors).negative_outlier_factor_
    assert scores.lof == pytest.approx(theirs, rel=1e-3)


@pytest.mark.parametrize("method", ["knn", "lof", "forest"])
def test_what_stands_apart_comes_first(method: str) -> None:
    vectors, _ = make_groups()
    apart = np.random.default_rng(5).choice(160, 6, replace=False)
    vectors[apart] = np.random.default_rng(6).normal(0, 4, (6, 32))
    scores, others = score_outliers(vectors, vectors[apart] * 1.01, 0)
    ranked = np.argsort(-getattr(scores, method))
    assert set(ranked[:6]) == set(apart)
    usual = np.delete(getattr(scores, method), apart)
    assert getattr(others, method).min() > np.median(usual), "others are scored by the same points"


def test_a_point_is_no_neighbour_of_its_own_even_among_copies() -> None:
    points = np.repeat(np.eye(3, dtype=np.float32), 4, axis=0)
    distances, rows = find_own_neighbors(points, 3)
    assert not (rows == np.arange(12)[:, None]).any()
    assert distances.max() == 0


def test_clusters_are_numbered_by_their_size() -> None:
    random = np.random.default_rng(0)
    places = [random.normal(centre, 0.05, (size, 2)) for centre, size in ((0, 20), (5, 60), (9, 40))]
    found = find_clusters(np.concatenate(places).astype(np.float32))
    assert np.bincount(found[found >= 0]).tolist() == sorted(np.bincount(found[found >= 0]), reverse=True)
    assert set(found[20:80]) == {0}


def test_neighbours_vote_for_a_cluster() -> None:
    clusters = np.array([0, 1, 1, -1], np.int32)
    assert vote(clusters, np.array([[0, 1, 2], [3, 0, 1], [0, 1, 3]])).tolist() == [1, -1, 0]


def test_a_cluster_is_named_by_what_its_items_have_more_often_than_others() -> None:
    items = [
        make_item(number, names=[f"shift{number % 3}/bolt_{number}.jpg"], tags=["rusty"], predictions=[])
        for number in range(10)
    ]
    items += [
        make_item(number, names=[f"nut-{number}.jpg"], metadata={"line": "3"}, predictions=[])
        for number in range(10, 30)
    ]
    terms = [find_terms(item) for item in items]
    assert ("name", "bolt") in terms[0]
    clusters = np.array([0] * 10 + [1] * 20, np.int32)
    names = name_clusters(clusters, terms)
    assert names[0][0] == "rusty"
    assert "bolt" in names[0]
    assert names[1][0] == "line: 3"
    everything = name_clusters(np.zeros(30, np.int32), terms)
    assert everything[0] == [], "what all have says nothing"


def make_chart(count: int = 50) -> Chart:
    random = np.random.default_rng(0)
    scores = OutlierScores(*random.random((3, count)).astype(np.float32))
    places = random.uniform(-1, 1, (count, 2)).astype(np.float32)
    return Chart(places, np.ones(count, np.bool_), (np.arange(count) % 3 - 1).astype(np.int32), scores)


def test_the_table_reads_back() -> None:
    chart = make_chart()
    ids = [f"{number:032x}" for number in range(50)]
    body = pack_table(make_table(ids, chart))
    table = pq.read_table(io.BytesIO(body))
    assert table.column_names == [
        *("id", "x", "y", "fitted", "cluster"),
        *("outlier_knn", "outlier_lof", "outlier_forest"),
    ]
    again = read_chart(unpack_table(body))
    assert np.array_equal(again.places, chart.places)
    assert np.array_equal(again.clusters, chart.clusters)
    assert np.array_equal(again.outliers.lof, chart.outliers.lof)
    assert table["id"].to_pylist() == ids


def test_the_picture_shows_clusters_by_their_names() -> None:
    cluster = MapCluster(number=0, name="긁힘 $5_a$ " * 9, terms=["긁힘"], items=17, place=[0.0, 0.0])
    with Image.open(io.BytesIO(draw_picture(make_chart(), [cluster], "parts: label:$x"))) as picture:
        assert picture.format == "PNG"
        assert picture.size == (1200, 1200)
        assert len(picture.convert("RGB").getcolors(1 << 20) or ()) > 10


def test_a_selection_meets_all_that_is_said() -> None:
    chart = make_chart()
    ids = [f"{number:032x}" for number in range(50)]
    table = make_table(ids, chart)
    in_cluster = select_items(table, Selection(clusters=(1,)))
    assert in_cluster == [each for each, number in zip(ids, chart.clusters, strict=True) if number == 1]
    worst = select_items(table, Selection(outliers="lof", count=5))
    assert worst == [ids[row] for row in np.argsort(-chart.outliers.lof)[:5]]
    part = select_items(table, Selection(corners=((1, 0), (-1, -1))))
    assert part == [each for each, place in zip(ids, chart.places, strict=True) if place[1] <= 0]
    assert set(select_items(table, Selection(clusters=(1,), corners=((1, 0), (-1, -1))))) == set(part) & set(in_cluster)
    with pytest.raises(MapOptionsError, match="2 dimensions, and the corners 3"):
        select_items(table, Selection(corners=((0, 0, 0), (1, 1, 1))))


def test_pca_keeps_directions_and_not_lengths() -> None:
    vectors, _ = make_groups()
    lengths = np.random.default_rng(0).uniform(0.1, 9, (160, 1)).astype(np.float32)
    first = Reducer(vectors, 0).reduce(vectors)
    second = Reducer(vectors * lengths, 0).reduce(vectors * lengths)
    assert second == pytest.approx(first, abs=1e-4)
    assert project(first, MapOptions(method="pca")).shape == (160, 2)
