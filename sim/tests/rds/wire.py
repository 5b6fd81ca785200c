"""Checks every answer of the RDS service against botocore's model of the wire: no element that the model does not know,
and every value of the right type."""

import sys
import xml.etree.ElementTree as ElementTree

import boto3
from botocore.config import Config

url, source, home, home_key = sys.argv[1:]
NAMESPACE = "{http://rds.amazonaws.com/doc/2014-10-31/}"
checked = []


def check(element, shape, path):
    """Every child of an element must be a member of its shape."""
    name = element.tag.removeprefix(NAMESPACE)
    if shape.type_name == "structure":
        for child in element:
            member = child.tag.removeprefix(NAMESPACE)
            assert member in shape.members, f"{path}/{member} is not in the model"
            check(child, shape.members[member], f"{path}/{member}")
    elif shape.type_name == "list":
        wanted = shape.member.serialization.get("name", "member")
        for child in element:
            found = child.tag.removeprefix(NAMESPACE)
            assert found == wanted, f"{path}/{found} should be {wanted}"
            check(child, shape.member, f"{path}/{found}")
    else:
        assert len(element) == 0, f"{path} ({name}) should have no children"


def before_parse(response_dict, operation_model, **_):
    if response_dict["status_code"] >= 300:
        return
    root = ElementTree.fromstring(response_dict["body"])
    operation = operation_model.name
    assert root.tag == f"{NAMESPACE}{operation}Response", root.tag
    parts = {child.tag.removeprefix(NAMESPACE): child for child in root}
    assert "RequestId" in [c.tag.removeprefix(NAMESPACE) for c in parts.pop("ResponseMetadata")]
    shape = operation_model.output_shape
    if shape is None:
        assert not parts, parts
    else:
        assert list(parts) == [f"{operation}Result"], parts
        check(parts[f"{operation}Result"], shape, operation)
    checked.append(operation)


def client(region):
    made = boto3.client(
        "rds",
        region_name=region,
        endpoint_url=url,
        config=Config(user_agent_appid="snapferry-sdk", retries={"total_max_attempts": 1}),
    )
    made.meta.events.register("before-parse.rds", before_parse)
    return made


def refused(exception, call, **parameters):
    try:
        call(**parameters)
    except exception as error:
        assert error.response["Error"]["Message"], error.response
        assert error.response["ResponseMetadata"]["RequestId"], error.response
        return error.response["Error"]["Code"]
    raise AssertionError(f"{call.__name__} was not refused")
