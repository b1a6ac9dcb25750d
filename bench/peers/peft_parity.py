"""Python's peft for `peft-parity`: does it read the adapters that Thaw wrote, and what do the models then compute?

Run: python peft_parity.py
Request {"model": folder, "adapter": folder, "ids": [[...], ...]}: the last hidden states of transformers' AutoModel with the adapter.
Request {"model": folder, "make": folder, "targets": [...]}: saves an adapter with random updates of these modules, as peft saves it.
Answer {"hidden": [...], "parameters": trained elements} or {}.
"""
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from protocol import serve
from transformers import AutoModel


def handle(request):
    model = AutoModel.from_pretrained(request["model"]).eval()
    if "make" in request:
        torch.manual_seed(1)
        made = get_peft_model(model, LoraConfig(r=4, lora_alpha=12, target_modules=request["targets"], init_lora_weights=False))
        made.save_pretrained(request["make"])
        return {}
    adapted = PeftModel.from_pretrained(model, request["adapter"]).eval()
    updates = [x for name, x in adapted.named_parameters() if ".lora_" in name]
    assert all(x.abs().sum() > 0 for x in updates), "an update stayed at its initial zeros: the file was not read"
    with torch.no_grad():
        hidden = adapted(input_ids=torch.tensor(request["ids"])).last_hidden_state
    return {"hidden": hidden.reshape(-1).tolist(), "parameters": sum(x.numel() for x in updates)}


serve(handle)
