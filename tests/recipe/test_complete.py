"""Recipes merged with the defaults of their method."""

from __future__ import annotations

import pytest

from vadkit.recipe.model import DEFAULTS
from vadkit.recipe.resolve import resolve, resolve_data


def data(method="future-frame", **sections):
    return {
        "name": "one",
        "dataset": {"type": "synthetic"},
        "method": {"type": method},
        **sections,
    }


def types(section):
    return [one["type"] for one in section]


def test_a_recipe_of_two_sections_gets_everything_else():
    full = resolve_data(data())
    assert list(full["networks"]) == ["generator", "discriminator"]
    assert full["clip"]["frames"] == 5 and full["clip"]["step"] == 1
    assert types(full["hooks"]) == types(DEFAULTS["hooks"])
    assert types(full["evaluators"]) == types(DEFAULTS["evaluators"])
    assert full["scorers"] == [{"type": "minmax-per-video"}] and full["augments"] == []
    assert types(full["protocols"]) == ["raw", "online", "offline", "ano-pred"]
    assert full["losses"]["intensity"]["weight"] == 1.0


def test_the_lists_of_a_recipe_replace_the_defaults():
    full = resolve_data(
        data(
            hooks=[{"type": "ema"}],
            evaluators=[{"type": "frame-auc"}],
            protocols=[{"type": "raw"}],
            scorers=[{"type": "ema", "halflife": 2}],
        )
    )
    assert types(full["hooks"]) == ["ema"]
    assert types(full["evaluators"]) == ["frame-auc"]
    assert types(full["protocols"]) == ["raw"]
    assert full["scorers"] == [{"type": "ema", "alpha": None, "halflife": 2.0}]


def test_defaults_are_copies():
    first = resolve_data(data())
    first["hooks"].clear()
    first["protocols"].clear()
    first["clip"]["frames"] = 99
    first["networks"]["generator"]["width"] = 99
    second = resolve_data(data())
    assert types(second["hooks"]) == types(DEFAULTS["hooks"])
    assert types(second["protocols"])[0] == "raw"
    assert second["clip"]["frames"] == 5 and second["networks"]["generator"]["width"] != 99


def test_a_key_of_a_section_leaves_its_other_defaults():
    full = resolve_data(data(clip={"channels": "gray"}, train={"epochs": 3}))
    default = resolve_data(data())
    assert full["clip"] == {**default["clip"], "channels": "gray"}
    assert full["train"] == {**default["train"], "epochs": 3}


def test_a_role_keeps_its_defaults_unless_its_type_changes():
    default = resolve_data(data())["networks"]["generator"]
    full = resolve_data(data(networks={"generator": {"width": 4}}))
    assert full["networks"]["generator"] == {**default, "width": 4}
    same = resolve_data(data(networks={"generator": {"type": "unet", "width": 4}}))
    assert same["networks"] == full["networks"]
    loss = resolve_data(data(losses={"intensity": {"type": "l1"}}))["losses"]["intensity"]
    assert loss == {"type": "l1", "weight": 1.0}


def test_a_network_turned_off_also_turns_off_its_optimizer_and_schedule():
    full = resolve_data(
        data(
            networks={"discriminator": None},
            schedulers={
                "discriminator": {"type": "cosine"},
                "generator": {"type": "cosine"},
            },
        )
    )
    assert "discriminator" not in full["networks"]
    assert list(full["optimizers"]) == list(full["schedulers"]) == ["generator"]
    on = resolve_data(data(schedulers={"discriminator": {"type": "cosine"}}))
    assert "discriminator" in on["networks"] and "discriminator" in on["optimizers"]
    assert list(on["schedulers"]) == ["discriminator"]


def test_a_schedule_can_be_turned_off():
    full = resolve_data(
        data("mnad", schedulers=dict.fromkeys(resolve_data(data("mnad"))["networks"]))
    )
    assert full["schedulers"] == {}


@pytest.mark.parametrize("calibration", [None, {"false_alarms_per_hour": 2}])
def test_calibration_may_be_turned_off(calibration):
    recipe = resolve(data(calibration=calibration))
    if calibration is None:
        assert recipe.calibration is None
    else:
        assert recipe.calibration.false_alarms_per_hour == 2
        assert recipe.calibration.method == "pot"


def test_flow_can_be_turned_off_or_changed():
    default = resolve_data(data("motion-field"))["flow"]
    full = resolve_data(data("motion-field", flow={"preset": "ultrafast"}))
    assert full["flow"] == {**default, "preset": "ultrafast"}
    assert resolve_data(data("conv-ae")).get("flow") is None


def test_a_recipe_is_plain_data_again(tmp_path):
    recipe = resolve(data(plugins=[str(tmp_path / "a.py")], clip={"size": [64, 96]}))
    again = recipe.as_data()
    assert again["plugins"] == [str(tmp_path / "a.py")]
    assert again["clip"]["size"] == [64, 96]
    assert resolve(again) == recipe
