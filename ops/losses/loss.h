#pragma once

#include "manul/framework/kernel.h"

namespace manul {

/// Losses, by Keras' names, as the mean over the batch.
enum class Loss { binary_crossentropy, categorical_crossentropy, sparse_categorical_crossentropy };
/// "binary_crossentropy"
const char* name_of(Loss loss);

/// Throws unless `labels` are what `loss` takes for an output (logits or probabilities) such as `output`; see
/// loss_from_logits().
void check_labels(Loss loss, const Tensor& output, const Tensor& labels);

/// The mean loss of a batch from logits z [N, classes], a scalar:
/// - binary_crossentropy, labels of z's shape (a last axis of length 1 may be left out), z's dtype (0..1) or
/// i32: mean of max(z, 0) - z y + log(1 + exp(-|z|));
/// - categorical_crossentropy, labels [N, classes] of z's dtype: mean over N of -sum y log softmax(z);
/// - sparse_categorical_crossentropy, labels [N] (or [N, 1]) i32: mean over N of -log softmax(z)[label].
/// Labels are constants: no gradient. Throws on shapes that do not fit; on the CPU also on a class that does
/// not exist and on a binary label outside 0..1 (on a GPU both give NaN).
/// `weights`, f32 [N], if defined: each sample's value counts that many times; the mean is still over N, as
/// in Keras.
Tensor loss_from_logits(Loss loss, const Tensor& logits, const Tensor& labels, const Tensor& weights = {});

/// The same losses of bare probabilities (an output whose activation is not the loss's own): clipped to
/// [1e-7, 1 - 1e-7]; categorical divides by the row's sum first, sparse afterwards. The gradient is 0 outside
/// the clip range.
Tensor loss_from_probabilities(Loss loss, const Tensor& probabilities, const Tensor& labels,
                               const Tensor& weights = {});

/// Writes the scalar loss and, for the backward pass, d loss / d input (either the logits or the
/// probabilities). `weights`: see loss_from_logits().
MANUL_KERNEL(loss, void(Loss loss, bool from_logits, const Tensor& input, const Tensor& labels,
                        const Tensor& weights, const Tensor& value, const Tensor& gradient));
/// dx = gradient * the scalar dloss.
MANUL_KERNEL(loss_backward, void(const Tensor& gradient, const Tensor& dloss, const Tensor& dx));

}  // namespace manul
