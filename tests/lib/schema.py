# SPDX-License-Identifier: BSD-2-Clause
"""What query-qmp-schema says, and whether an answer is what it says."""

BUILTINS = {"string": str, "int": int, "boolean": bool, "value": object}


class Schema:
    def __init__(self, qmp):
        self.listed = qmp.execute("query-qmp-schema")
        self.entities = {entity["name"]: entity for entity in self.listed}

    def names(self, meta_type):
        return sorted(entity["name"] for entity in self.listed
                      if entity["meta-type"] == meta_type)

    def arguments(self, name, case=None):
        """Members of a command's arguments, name to whether it is optional; of one of its variants, if it has
        them."""
        kind = self.entities[self.entities[name]["arg-type"]]
        members = list(kind["members"])
        for variant in kind.get("variants", ()):
            if variant["case"] == case:
                members += self.entities[variant["type"]]["members"]
        return {member["name"]: "default" in member for member in members}

    def cases(self, name):
        """What the variants of a command's arguments are told apart by; none: one without a name."""
        kind = self.entities[self.entities[name]["arg-type"]]
        return kind.get("tag"), [variant["case"] for variant in kind.get("variants", ())] or [None]

    def check_answer(self, command, answer):
        self.check(self.entities[command]["ret-type"], answer, command)

    def check_event(self, event):
        self.check(self.entities[event["event"]]["arg-type"], event.get("data", {}), event["event"])

    def check(self, name, value, where):
        """That a value is of a type: all of its members, and no others."""
        kind = self.entities[name]
        if kind["meta-type"] == "builtin":
            wanted = BUILTINS[kind["json-type"]]
            assert isinstance(value, wanted) and (wanted is not int or not isinstance(value, bool)), \
                (where, name, value)
        elif kind["meta-type"] == "enum":
            assert value in kind["values"], (where, name, value)
        elif kind["meta-type"] == "array":
            assert isinstance(value, list), (where, name, value)
            for index, element in enumerate(value):
                self.check(kind["element-type"], element, f"{where}[{index}]")
        else:
            assert isinstance(value, dict), (where, name, value)
            members = {member["name"]: member for member in kind["members"]}
            assert set(value) <= set(members), (where, name, set(value) - set(members))
            for key, member in members.items():
                if key in value:
                    self.check(member["type"], value[key], f"{where}.{key}")
                else:
                    assert "default" in member, f"{where}: no {key} in {value}"
