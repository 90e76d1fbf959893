"""Networks and preprocessing agree with the authors' own implementation, pytabkit, which is compared live."""

import importlib
import importlib.util
import math
import sys
import types
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fastnn.losses import SoftmaxCrossEntropy, SquaredError
from fastnn.realmlp.member import Design, Member
from fastnn.realmlp.presets import CLASSIFICATION, REGRESSION
from fastnn.schedules import LogCosine
from fastnn.tabular import TableEncoder
from tests.cases import every_backend, import_torch

BATCH, N_BATCHES, N_STEPS = 256, 2, 50
N_NUMBERS, WIDTH, N_CLASSES = 9, 24, 3


@pytest.fixture(scope="module")
def torch():
    return import_torch()


@pytest.fixture(scope="module")
def package(torch):
    """The folder of pytabkit's standalone RealMLP as a package: pytabkit itself would import much more."""
    spec = importlib.util.find_spec("pytabkit")
    folder = Path(spec.origin).parent / "models" / "realmlp" if spec is not None and spec.origin else None
    if folder is None or not (folder / "model.py").exists():
        pytest.skip("pytabkit with its standalone RealMLP is not installed")
    module = types.ModuleType("pytabkits_realmlp")
    module.__path__ = [str(folder)]
    sys.modules[module.__name__] = module
    yield module.__name__
    for name in [name for name in sys.modules if name.startswith(module.__name__)]:
        del sys.modules[name]


@pytest.fixture(scope="module")
def theirs(package):
    """The module with the model."""
    return importlib.import_module(f"{package}.model")


@pytest.fixture(scope="module")
def their_training(package):
    """The module with preprocessing and training."""
    return importlib.import_module(f"{package}.train")


def numbers(*shape, seed=0):
    return np.clip(np.random.default_rng(seed).normal(size=shape), -2.9, 2.9).astype(np.float32)


def layers_of(theirs, model, kind):
    return [layer for layer in model.mlp if isinstance(layer, getattr(theirs, kind))]


def copy_layers(torch, theirs, model, network, order=slice(None)):
    """Give their model the weights, V = sqrt(n_in) W, biases, slopes and scales of a network; its inputs in an order."""
    with torch.no_grad():
        for number, (layer, W) in enumerate(zip(layers_of(theirs, model, "Weight"), network.weights, strict=True)):
            V = (W if number else W[order]) * math.sqrt(len(W))
            layer.weight.copy_(torch.tensor(V)[None])
        for layer, b in zip(layers_of(theirs, model, "Bias"), network.biases, strict=True):
            layer.bias.copy_(torch.tensor(b)[None, None])
        activations = layers_of(theirs, model, "Activation")
        for layer, alpha in zip(activations, network.slopes, strict=False):  # none in the last layer
            if len(alpha):
                layer.weight.copy_(torch.tensor(alpha)[None, None])
        model.mlp[0].scale.copy_(torch.tensor(network.input_scales[order])[None, None])


class TestTrajectory:
    """RealMLP-TD-S on the same batches, step by step."""

    @every_backend
    @pytest.mark.parametrize("classifies", [True, False], ids=["classification", "regression"])
    def test_losses_and_parameters_agree(self, torch, theirs, backend, classifies):
        X = numbers(BATCH * N_BATCHES, N_NUMBERS)
        y = np.random.default_rng(1).integers(0, N_CLASSES, len(X)) if classifies else numbers(len(X), 1, seed=1)
        preset = replace((CLASSIFICATION if classifies else REGRESSION)["td-s"], hidden_layer_sizes=(WIDTH,) * 3)
        network = self.network(preset, classifies, backend)
        model = self.model(theirs, preset, classifies)
        copy_layers(torch, theirs, model, network)
        losses = self.train(torch, model, X, y, preset, classifies)
        history = network.fit(
            X,
            y,
            optimizer=preset.optimizer(),
            schedule=LogCosine(),
            epochs=N_STEPS // N_BATCHES,
            batch_size=BATCH,
            shuffle=False,
            progress=False,
        )
        expected = np.reshape(losses, (-1, N_BATCHES)).mean(axis=1)
        np.testing.assert_allclose(history.loss, expected, rtol=1e-5, atol=1e-5)
        self.assert_same_layers(theirs, model, network)

    @staticmethod
    def network(preset, classifies, backend):
        loss = SoftmaxCrossEntropy(preset.label_smoothing) if classifies else SquaredError()
        return Member(Design(preset, loss, N_NUMBERS, 0, N_CLASSES if classifies else 1, (), backend), seed=1).network

    @staticmethod
    def model(theirs, preset, classifies):
        config = theirs.RealMLPConfig(
            hidden_sizes=list(preset.hidden_layer_sizes),
            act=preset.activation,
            use_parametric_act=False,
            num_emb_type="none",
            p_drop=0.0,
            wd=0.0,
        )
        return theirs.RealMLP(N_NUMBERS, [], N_CLASSES if classifies else 1, 1, config, classifies)

    @staticmethod
    def rate(preset, step):
        """Their schedule coslog4."""
        t = step / N_STEPS
        return preset.learning_rate * 0.5 * (1 - math.cos(2 * math.pi * math.log2(1 + 15 * t)))

    def train(self, torch, model, X, y, preset, classifies):
        """The loss of each step; inputs are taken as they are, without preprocessing."""
        groups = [{"params": [p], "lr": 0.0, "factor": p.lr_factor} for p in model.mlp.parameters()]
        optimizer, losses = torch.optim.AdamW(groups, betas=(0.9, preset.beta_2), weight_decay=0.0), []
        for step in range(N_STEPS):
            rows = slice(step % N_BATCHES * BATCH, (step % N_BATCHES + 1) * BATCH)
            for group in optimizer.param_groups:
                group["lr"] = self.rate(preset, step) * group["factor"]
            A, targets = model.mlp(torch.tensor(X[rows])[None])[0], torch.tensor(y[rows])
            if classifies:
                loss = torch.nn.functional.cross_entropy(A, targets, label_smoothing=preset.label_smoothing)
            else:
                loss = torch.nn.functional.mse_loss(A, targets)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        return losses

    @staticmethod
    def assert_same_layers(theirs, model, network):
        for layer, W in zip(layers_of(theirs, model, "Weight"), network.weights, strict=True):
            np.testing.assert_allclose(W * math.sqrt(len(W)), layer.weight[0].detach(), rtol=0, atol=1e-5)
        for layer, b in zip(layers_of(theirs, model, "Bias"), network.biases, strict=True):
            np.testing.assert_allclose(b, layer.bias[0, 0].detach(), rtol=0, atol=1e-5)
        np.testing.assert_allclose(network.input_scales, model.mlp[0].scale[0, 0].detach(), rtol=0, atol=1e-5)


class TestWholeModel:
    """RealMLP-TD on a table with numbers, small and large categories, from the cells to the gradient."""

    N_ROWS, N_STREETS = 80, 12
    CAT_SIZES = (3, 5, N_STREETS + 1)  # with the code 0, which is a missing category

    @pytest.fixture
    def frame(self):
        random = np.random.default_rng(0)
        n = self.N_ROWS
        return pd.DataFrame(
            {
                "size": 1000 + 50 * random.standard_t(2, n),
                "rarely": np.where(np.arange(n) < 10, random.normal(size=n), 0.0),  # whose quartiles are equal
                "sex": random.choice(["a", "b"], n, p=[0.3, 0.7]),
                "city": np.where(random.random(n) < 0.1, None, random.choice(["k", "l", "m", "n"], n)),
                "street": random.choice([f"s{k:02}" for k in range(self.N_STREETS)], n),
            }
        )

    def cells(self, torch, frame):
        """Their numbers and codes. The sign of a column of two levels is the other way round in pytabkit."""
        codes = np.stack([self.codes(frame[name]) for name in ("sex", "city", "street")], axis=1)
        codes[:, 0] = 3 - codes[:, 0]
        x = frame[["size", "rarely"]].to_numpy(np.float64)
        return torch.tensor(x)[None], torch.tensor(codes)[None]

    @staticmethod
    def codes(column):
        return np.array([0 if pd.isna(cell) else sorted(column.dropna().unique()).index(cell) + 1 for cell in column])

    @pytest.fixture
    def model(self, torch, theirs, their_training, frame):
        """Their model, with the statistics of the frame."""
        config = theirs.RealMLPConfig.td_class(hidden_sizes=[16, 8], p_drop=0.0)
        model = theirs.RealMLP(2, list(self.CAT_SIZES), N_CLASSES, 1, config, True)
        features = model.input_features(*(part[0] for part in self.cells(torch, frame)))
        median, scale = their_training.compute_input_stats(features, torch.arange(self.N_ROWS)[None])
        model.x_median.copy_(median)
        model.x_scale.copy_(scale)
        return model

    def their_encoding(self, torch, model, frame):
        x = (model.input_features(*self.cells(torch, frame)) - model.x_median) * model.x_scale
        return (x / (1 + x.square() / 9).sqrt())[0].detach().numpy()

    def test_tables_are_encoded_alike(self, torch, model, frame):
        encoder = TableEncoder().fit(frame)
        encoded = encoder.transform(frame)
        expected = self.their_encoding(torch, model, frame)
        assert encoded[:, :-1].shape == expected.shape == (self.N_ROWS, 2 + 1 + 4)
        np.testing.assert_allclose(encoded[:, :-1], expected, rtol=0, atol=2e-5)
        np.testing.assert_array_equal(encoded[:, -1], self.codes(frame["street"]))
        assert np.abs(encoded[:, 0]).max() > 2

    @every_backend
    def test_outputs_and_gradients_agree(self, torch, theirs, model, frame, backend):
        X = TableEncoder().fit(frame).transform(frame)
        y = np.random.default_rng(1).integers(0, N_CLASSES, self.N_ROWS)
        network = self.network(X, backend)
        order = self.order()
        copy_layers(torch, theirs, model, network, order)
        self.copy_embeddings(torch, model, network)
        logits = model(*self.with_type(torch, frame))[0]
        np.testing.assert_allclose(network.logits(X), logits.detach(), rtol=0, atol=1e-4)
        loss = torch.nn.functional.cross_entropy(logits, torch.tensor(y), label_smoothing=0.1)
        loss.backward()
        assert network.loss(X, y) == pytest.approx(loss.item(), abs=1e-5)
        network.backward()
        self.assert_same_gradients(theirs, model, network, order)

    def with_type(self, torch, frame):
        x, codes = self.cells(torch, frame)
        return x.float(), codes

    @staticmethod
    def network(X, backend):
        preset = replace(CLASSIFICATION["td"], hidden_layer_sizes=(16, 8), dropout=0.0)
        n_codes = TestWholeModel.N_STREETS + 1
        design = Design(preset, SoftmaxCrossEntropy(0.1), X.shape[1], 2, N_CLASSES, (n_codes,), backend)
        network = design.network(0)
        network.initialize_from_data(X)
        random = np.random.default_rng(2)
        for values in (*network.slopes[:-1], network.input_scales, network.biases[-1]):
            values += 0.2 * random.normal(size=values.shape)
        return network

    @staticmethod
    def order():
        """The place of each of their inputs among ours: small columns, then each number with its embedding, then E."""
        n_small, n_numbers, width = 5, 2, 4
        first = n_small + width * np.arange(n_numbers)
        periodic = (first[:, np.newaxis] + np.arange(1, width)).ravel()
        return np.concatenate([periodic, first, np.arange(n_small), n_small + width * n_numbers + np.arange(8)])

    @staticmethod
    def parts(P):
        """Frequencies, phases, weights and biases of the periodic embedding in their shapes."""
        w, b, V, c = np.split(P, [16, 32, 32 + 48], axis=1)
        return w[:, np.newaxis], b[:, np.newaxis], V.reshape(-1, 16, 3), c[:, np.newaxis]

    def copy_embeddings(self, torch, model, network):
        with torch.no_grad():
            for parameter, values in zip(self.periodic(model), self.parts(network.embeddings[0]), strict=True):
                parameter.copy_(torch.tensor(values)[None])
            model.cat_emb.copy_(torch.tensor(network.embeddings[1])[None])

    @staticmethod
    def periodic(model):
        return model.plr_weight_1, model.plr_bias_1, model.plr_weight_2, model.plr_bias_2

    def assert_same_gradients(self, theirs, model, network, order):
        def gradient(values):
            start = (values.ctypes.data - network.parameters.ctypes.data) // values.itemsize
            return network.gradient[start : start + values.size].reshape(values.shape)

        pairs = list(
            zip((each.grad for each in self.periodic(model)), self.parts(gradient(network.embeddings[0])), strict=True)
        )
        pairs.append((model.cat_emb.grad, gradient(network.embeddings[1])))
        pairs.append((model.mlp[0].scale.grad, gradient(network.input_scales)[order]))
        for number, layer in enumerate(layers_of(theirs, model, "Weight")):
            dW = network.weight_gradients[number]
            pairs.append((layer.weight.grad, (dW if number else dW[order]) / math.sqrt(len(dW))))
        for layer, db in zip(layers_of(theirs, model, "Bias"), network.bias_gradients, strict=True):
            pairs.append((layer.bias.grad, db))
        for layer, alpha in zip(layers_of(theirs, model, "Activation"), network.slopes, strict=False):
            pairs.append((layer.weight.grad, gradient(alpha)))
        for expected, found in pairs:
            expected = expected[0].numpy().reshape(found.shape)
            assert np.abs(expected).max() > 1e-4
            np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5 * max(1.0, np.abs(expected).max()))
