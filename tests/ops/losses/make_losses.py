"""Writes tests/reference/more_losses.h5: losses and metrics that losses.h5 and losses_keras3.h5 lack, computed by Keras 3.15 in float64.

losses/NAME (NAME_weighted): y_true, y_pred, (sample_weight), each (no reduction), value, grad (of value by y_pred); metrics/NAME: results after the
first third of the rows and after all; attributes: class_name and the options; lists among them are datasets. Run it with Keras 3.15.1 and TensorFlow 2.21:
python make_losses.py ../../reference/more_losses.h5
"""
import sys

import h5py
import keras
import numpy as np
import tensorflow as tf

keras.config.set_floatx("float64")
rng = np.random.default_rng(7)


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def one_hot(classes, count):
    return np.eye(count)[classes]


def unit(x):
    return x / np.sqrt((x * x).sum(-1, keepdims=True))


picture = (3, 2, 4, 5)
numbers = rng.uniform(-2, 2, picture), rng.uniform(-2, 2, picture)
positive = rng.uniform(0.1, 2, picture), rng.uniform(0.1, 2, picture)
shares = softmax(rng.normal(size=picture)), softmax(rng.normal(size=picture))
classes = one_hot(rng.integers(0, 5, picture[:-1]), 5), shares[1]
rows = one_hot(np.array([0, 3, 2, 4, 1, 1]), 5), softmax(rng.normal(size=(6, 5)))
numbered = np.array([0, 3, 2, 4, 1, 1]), rows[1]
embeddings = np.array([0, 1, 1, 2, 0, 3, 1]), unit(rng.normal(size=(7, 4)))
truth = rng.integers(0, 2, picture).astype(float), rng.uniform(0, 1, picture)
signs = rng.integers(0, 2, picture) * 2.0 - 1, rng.uniform(-2, 2, picture)

L = keras.losses
LOSSES = [
    ("categorical_hinge", L.CategoricalHinge, rows, {}),
    ("categorical_hinge_pixels", L.CategoricalHinge, classes, {}),
    ("generalized", L.CategoricalGeneralizedCrossEntropy, numbered, {}),
    ("generalized_q", L.CategoricalGeneralizedCrossEntropy, numbered, {"q": 0.2}),
    ("circle", L.Circle, embeddings, {"gamma": 4.0}),
    ("circle_options", L.Circle, embeddings, {"gamma": 3.0, "margin": 0.2, "remove_diagonal": False}),
    ("mse_pixels", L.MeanSquaredError, numbers, {}),
    ("mse_pixels_sum", L.MeanSquaredError, numbers, {"reduction": "sum"}),
    ("mae_pixels", L.MeanAbsoluteError, numbers, {}),
    ("msle_pixels", L.MeanSquaredLogarithmicError, positive, {}),
    ("mape_pixels", L.MeanAbsolutePercentageError, numbers, {}),
    ("log_cosh_pixels", L.LogCosh, numbers, {}),
    ("huber_pixels", L.Huber, numbers, {}),
    ("poisson_pixels", L.Poisson, positive, {}),
    ("kl_pixels", L.KLDivergence, shares, {}),
    ("kl_pixels_sum", L.KLDivergence, shares, {"reduction": "sum"}),
    ("cosine_pixels", L.CosineSimilarity, numbers, {}),
    ("hinge_pixels", L.Hinge, signs, {}),
    ("squared_hinge_pixels", L.SquaredHinge, signs, {}),
    ("binary_focal_pixels", L.BinaryFocalCrossentropy, truth, {}),
    ("categorical_focal_pixels", L.CategoricalFocalCrossentropy, classes, {}),
    ("categorical_focal_pixels_sum", L.CategoricalFocalCrossentropy, classes, {"reduction": "sum"}),
    ("cce_pixels_sum", L.CategoricalCrossentropy, classes, {"reduction": "sum"}),
    ("bce_pixels_sum", L.BinaryCrossentropy, truth, {"reduction": "sum"}),
]

steps = np.random.default_rng(9)
# Rows of classes that are filled up with 0, equal neighbours and none at all among them.
texts = np.array([[2, 2, 1, 0], [3, 0, 0, 0], [0, 0, 0, 0], [1, 2, 3, 4], [4, 1, 1, 0]]), steps.normal(0, 2, (5, 9, 5))
LATER_LOSSES = [  # drawn after the metrics
    ("ctc", L.CTC, texts, {}),
    ("ctc_sum", L.CTC, texts, {"reduction": "sum"}),
    ("ctc_just_long_enough", L.CTC, (texts[0][3:], texts[1][3:, :4]), {}),
]

votes = rng.integers(0, 4, (9, 3)), rng.integers(0, 4, (9, 3))
vote_rows = one_hot(votes[0], 4), rng.uniform(0, 1, (9, 3, 4))
binary = rng.integers(0, 2, (24, 1)), np.round(rng.uniform(0, 1, (24, 1)), 3)
binary[1][:2, 0] = 0, 1
columns = rng.uniform(-1, 3, (12, 3)), rng.uniform(-1, 3, (12, 3))
more = np.random.default_rng(8)
label_rows = more.integers(0, 2, (21, 4)).astype(float), np.round(more.uniform(0, 1, (21, 4)), 2)
column = rng.uniform(-1, 3, (12, 1)), rng.uniform(-1, 3, (12, 1))
M = keras.metrics
METRICS = [
    ("iou", M.IoU, votes, {"num_classes": 4, "target_class_ids": [0, 2]}),
    ("iou_ignored", M.IoU, votes, {"num_classes": 4, "target_class_ids": [1, 2, 3], "ignore_class": 2}),
    ("mean_iou_ignored", M.MeanIoU, votes, {"num_classes": 4, "ignore_class": 1}),
    ("one_hot_iou", M.OneHotIoU, vote_rows, {"num_classes": 4, "target_class_ids": [0, 3]}),
    ("one_hot_iou_sparse", M.OneHotIoU, (vote_rows[0], votes[1]), {"num_classes": 4, "target_class_ids": [1], "sparse_y_pred": True}),
    ("one_hot_mean_iou", M.OneHotMeanIoU, vote_rows, {"num_classes": 4}),
    ("sensitivity_at_specificity", M.SensitivityAtSpecificity, binary, {"specificity": 0.6}),
    ("specificity_at_sensitivity", M.SpecificityAtSensitivity, binary, {"sensitivity": 0.7, "num_thresholds": 11}),
    ("precision_at_recall", M.PrecisionAtRecall, binary, {"recall": 0.8}),
    ("precision_at_recall_one", M.PrecisionAtRecall, binary, {"recall": 0.1, "num_thresholds": 1}),
    ("recall_at_precision", M.RecallAtPrecision, binary, {"precision": 0.6}),
    ("pearson", M.PearsonCorrelation, columns, {}),
    ("concordance", M.ConcordanceCorrelation, columns, {}),
    ("r2", M.R2Score, column, {}),
    ("r2_columns", M.R2Score, columns, {}),
    ("r2_variance", M.R2Score, columns, {"class_aggregation": "variance_weighted_average"}),
    ("r2_adjusted", M.R2Score, column, {"num_regressors": 1}),
    ("categorical_hinge", M.CategoricalHinge, rows, {}),
    ("accuracy", M.Accuracy, votes, {}),
    ("false_positives", M.FalsePositives, binary, {}),
    ("true_negatives", M.TrueNegatives, binary, {}),
    ("precision_top_k", M.Precision, label_rows, {"top_k": 2}),
    ("precision_top_k_threshold", M.Precision, label_rows, {"top_k": 3, "thresholds": [0.7]}),
    ("precision_top_k_class", M.Precision, label_rows, {"top_k": 2, "class_id": 1}),
    ("recall_top_k", M.Recall, label_rows, {"top_k": 2}),
    ("recall_top_k_pictures", M.Recall, (more.integers(0, 2, picture).astype(float), np.round(more.uniform(0, 1, picture), 1)), {"top_k": 3}),
    ("recall_top_k_class", M.Recall, label_rows, {"top_k": 1, "class_id": 3}),
    ("auc_multi_label", M.AUC, label_rows, {"multi_label": True}),
    ("auc_multi_label_weights", M.AUC, label_rows, {"multi_label": True, "num_labels": 4, "label_weights": [0.5, 2, 0, 1.5]}),
    ("auc_multi_label_pr", M.AUC, label_rows, {"multi_label": True, "curve": "PR", "label_weights": [1, 2, 3, 4]}),
    ("auc_multi_label_thresholds", M.AUC, label_rows, {"multi_label": True, "curve": "PR", "summation_method": "majoring", "thresholds": [0.2, 0.5, 0.6]}),
    ("auc_label_weights", M.AUC, label_rows, {"label_weights": [0.5, 2, 0, 1.5]}),
    ("auc_from_logits", M.AUC, (label_rows[0], 6 * label_rows[1] - 3), {"multi_label": True, "from_logits": True}),
]
WHOLE_WEIGHTS = {"IoU", "MeanIoU", "OneHotIoU", "OneHotMeanIoU"}  # Keras 3 makes these int64


def write(group, arrays, options):
    for key, value in arrays.items():
        group.create_dataset(key, data=np.asarray(value, dtype=np.float64))
    for key, value in options.items():
        if isinstance(value, str):
            group.attrs[key] = np.bytes_(value)
        elif isinstance(value, list):
            group.create_dataset(key, data=np.asarray(value, dtype=np.float64))
        else:
            group.attrs[key] = int(value) if isinstance(value, (bool, int)) else float(value)


def loss_case(loss, options, y_true, y_pred, weights):
    p = tf.constant(y_pred, tf.float64)
    with tf.GradientTape() as tape:
        tape.watch(p)
        value = loss(**options)(y_true, p, sample_weight=weights)
    each = loss(**{**options, "reduction": "none"})(y_true, p, sample_weight=weights)
    return {"each": each, "value": [value], "grad": tape.gradient(value, p)}


def metric_case(metric, options, y_true, y_pred, weights):
    metric = metric(**options)
    results, first = [], max(len(y_pred) // 3, 1)
    for part in slice(0, first), slice(first, None):
        metric.update_state(y_true[part], y_pred[part], None if weights is None else weights[part])
        results.append(float(metric.result()))
    return {"results": results}


with h5py.File(sys.argv[1], "w") as file:
    for kind, cases, compute in ("losses", LOSSES, loss_case), ("metrics", METRICS, metric_case), ("losses", LATER_LOSSES, loss_case):
        for name, what, (y_true, y_pred), options in cases:
            for weighted in False, True:
                if weighted and what.__name__ in WHOLE_WEIGHTS:
                    continue
                # Keras takes one weight for each value: of pictures one a pixel.
                shape = y_pred.shape[:1] if what is L.CTC else y_pred.shape[:-1]
                weights = np.round(rng.uniform(0, 2, shape), 3) if weighted else None
                arrays = {"y_true": y_true, "y_pred": y_pred, **compute(what, options, y_true, y_pred, weights)}
                if weighted:
                    arrays["sample_weight"] = weights
                group = file.create_group(f"{kind}/{name}" + ("_weighted" if weighted else ""))
                write(group, arrays, {"class_name": what.__name__, **options})
