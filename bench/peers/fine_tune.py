"""Hugging Face Trainer for `published-trainer`: one fine-tuning of a published encoder with a linear head on the mean of its hidden states.

Run: python fine_tune.py
Request: the object FineTuneRequest of bench/src/sides/fine-tune.ts. Answer {"epochs": [accuracy after each], "right": [...], "seconds", "peakBytes"}.
Its best simple settings: texts grouped by length, the fused AdamW, evaluation by length in larger batches; the best epoch's weights are kept in memory
instead of being written to disk. What is timed goes from texts to the trained model; imports and loading the encoder are left out.
"""
import tempfile
import time

import torch
from protocol import peak_bytes, serve
from transformers import AutoModel, AutoTokenizer, DataCollatorWithPadding, Trainer, TrainerCallback, TrainingArguments, set_seed


class MeanClassifier(torch.nn.Module):
    def __init__(self, folder, labels, dropout):
        super().__init__()
        options = {"hidden_dropout_prob": dropout, "attention_probs_dropout_prob": dropout, "add_pooling_layer": False}
        self.encoder = AutoModel.from_pretrained(folder, **options)
        self.dropout = torch.nn.Dropout(dropout)
        self.head = torch.nn.Linear(self.encoder.config.hidden_size, labels)
        torch.nn.init.normal_(self.head.weight, std=0.02)
        torch.nn.init.zeros_(self.head.bias)

    def forward(self, input_ids, attention_mask, labels=None):
        hidden = self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        mask = attention_mask.unsqueeze(-1).to(hidden.dtype)
        logits = self.head(self.dropout((hidden * mask).sum(1) / mask.sum(1)))
        result = {"logits": logits}
        return result if labels is None else {"loss": torch.nn.functional.cross_entropy(logits, labels), **result}


class Best(TrainerCallback):
    """Keeps the weights of the best epoch; of equals the later."""

    def __init__(self):
        self.accuracies, self.weights = [], None

    def on_evaluate(self, args, state, control, metrics, model, **_):
        self.accuracies.append(metrics["eval_accuracy"])
        if self.accuracies[-1] >= max(self.accuracies):
            self.weights = {name: value.clone() for name, value in model.state_dict().items()}


def encode(examples, request, tokenizer):
    ids = tokenizer([x["text"] for x in examples], truncation=True, max_length=request["maxLength"], return_token_type_ids=False)
    names = {name: i for i, name in enumerate(request["labels"])}
    return [
        {"input_ids": row, "attention_mask": mask, "labels": names[x["label"]]}
        for row, mask, x in zip(ids["input_ids"], ids["attention_mask"], examples)
    ]


def handle(request):
    torch.set_num_threads(request["threads"])
    set_seed(request["seed"])
    tokenizer = AutoTokenizer.from_pretrained(request["model"])
    model = MeanClassifier(request["model"], len(request["labels"]), request["dropout"])
    start = time.perf_counter()
    train = encode(request["train"], request, tokenizer)
    valid = sorted(encode(request["valid"], request, tokenizer), key=lambda x: len(x["input_ids"]))
    best = Best()
    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            output_dir=folder,
            per_device_train_batch_size=request["batch"],
            per_device_eval_batch_size=64,
            num_train_epochs=request["epochs"],
            learning_rate=request["rate"],
            warmup_steps=request["warmup"],
            lr_scheduler_type="linear",
            weight_decay=request["weightDecay"],
            max_grad_norm=request["clip"],
            optim="adamw_torch_fused",
            train_sampling_strategy="group_by_length",
            eval_strategy="epoch",
            save_strategy="no",
            logging_strategy="no",
            report_to="none",
            disable_tqdm=True,
            use_cpu=True,
            seed=request["seed"],
        )
        trainer = Trainer(
            model=model,
            args=arguments,
            train_dataset=train,
            eval_dataset=valid,
            processing_class=tokenizer,
            data_collator=DataCollatorWithPadding(tokenizer),
            compute_metrics=lambda p: {"accuracy": float((p.predictions.argmax(-1) == p.label_ids).mean())},
            callbacks=[best],
        )
        trainer.train()
        model.load_state_dict(best.weights)
        seconds = time.perf_counter() - start
        found = trainer.predict(encode(request["test"], request, tokenizer))
    right = (found.predictions.argmax(-1) == found.label_ids).astype(int).tolist()
    return {"epochs": best.accuracies, "right": right, "seconds": seconds, "peakBytes": peak_bytes()}


serve(handle)
