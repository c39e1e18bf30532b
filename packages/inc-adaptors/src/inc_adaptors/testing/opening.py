# ruff: noqa: S101 - the suites are tests
"""The laws of ``roles.Adaptor``."""

from __future__ import annotations

import numpy as np
import pytest
from inc_config.errors import DataError, ModelError
from inc_config.target import Target

from inc_adaptors.batches import batch_size, leaves, take
from inc_adaptors.testing.case import Case, assert_close, assert_same


class AdaptorConformance:
    """Opening, copying, running and measuring a model."""

    def test_the_handle_names_its_adaptor(self, case: Case) -> None:
        """``framework`` leads back to the adaptor."""
        assert case.open().framework == case.adaptor.name

    def test_open_refuses_what_is_not_a_model(self, case: Case) -> None:
        """A clear error before any work."""
        with pytest.raises(ModelError):
            case.adaptor.open(case.foreign)

    def test_equal_models_have_equal_fingerprints_and_others_do_not(self, case: Case) -> None:
        """Two opens of one model, a copy, and a model with other weights."""
        native = case.make_model(0)
        first = case.adaptor.fingerprint(case.adaptor.open(native))
        assert first == case.adaptor.fingerprint(case.adaptor.open(native))
        assert first == case.adaptor.fingerprint(case.open(0))
        assert first == case.adaptor.fingerprint(case.adaptor.copy(case.open(0)))
        assert first != case.adaptor.fingerprint(case.open(1))

    def test_predict_gives_one_row_per_sample(self, case: Case) -> None:
        """A tuple of numpy arrays whose first axis counts samples, as many as the signature says."""
        handle = case.open()
        for batch in case.batches:
            outputs = case.adaptor.predict(handle, batch)
            assert isinstance(outputs, tuple)
            assert len(outputs) == len(handle.signature.outputs or outputs) > 0
            assert all(isinstance(output, np.ndarray) and len(output) == batch_size(batch) for output in outputs)

    def test_predict_leaves_the_model_bit_identical(self, case: Case) -> None:
        """No running averages, no counters, no hooks."""
        handle = case.open()
        before = case.adaptor.fingerprint(handle)
        first = case.outputs(handle)
        assert_same(case.outputs(handle), first)
        assert case.adaptor.fingerprint(handle) == before

    def test_predict_runs_in_evaluation_mode(self, case: Case) -> None:
        """A sample's outputs do not depend on what else is in the batch."""
        handle = case.open()
        batch = case.batches[0]
        whole = case.adaptor.predict(handle, batch)
        alone = case.adaptor.predict(handle, take(batch, 1))
        assert_close(alone, tuple(output[:1] for output in whole), tolerance=1e-4)

    def test_predict_refuses_a_misfit_and_shows_both_sides(self, case: Case) -> None:
        """The error holds the sizes that were given."""
        with pytest.raises(DataError) as caught:
            case.adaptor.predict(case.open(), case.misfit)
        for _, leaf in leaves(case.misfit):
            assert ", ".join(str(int(size)) for size in leaf.shape) in str(caught.value)

    def test_a_predictor_agrees_with_predict(self, case: Case) -> None:
        """Also on one thread."""
        handle = case.open()
        for threads in (0, 1):
            run = case.adaptor.predictor(handle, threads=threads)
            for batch in case.batches:
                assert_close(run(batch), case.adaptor.predict(handle, batch))

    def test_a_copy_keeps_everything_and_shares_nothing(self, case: Case) -> None:
        """Same outputs and state, another native object."""
        handle = case.open()
        copy = case.adaptor.copy(handle)
        assert copy.native is not handle.native
        assert copy.signature == handle.signature
        assert copy.state.notes == handle.state.notes
        assert_same(case.outputs(copy), case.outputs(handle))

    def test_the_target_is_this_machine(self, case: Case) -> None:
        """The same each time it is asked for."""
        assert isinstance(case.adaptor.target(), Target)
        assert case.adaptor.target() == case.adaptor.target()

    def test_the_size_is_positive_and_kept_by_copies(self, case: Case) -> None:
        """In bytes."""
        handle = case.open()
        assert case.adaptor.size_bytes(handle) > 0
        assert case.adaptor.size_bytes(case.adaptor.copy(handle)) == case.adaptor.size_bytes(handle)
