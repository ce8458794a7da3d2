"""Fills buckets as an independent client: boto3 does what each line of standard input says, and answers with a line.

Its arguments are the endpoint, the access key and the secret key. A line is a JSON list: a method of boto3's client
and its arguments; bodies are paths of files.
"""
import json
import sys
from concurrent.futures import ThreadPoolExecutor

import boto3
from botocore.config import Config

endpoint, key, secret = sys.argv[1:]
client = boto3.client(
    "s3",
    endpoint_url=endpoint,
    aws_access_key_id=key,
    aws_secret_access_key=secret,
    region_name="us-east-1",
    config=Config(s3={"addressing_style": "path"}, retries={"max_attempts": 1}),
)


def in_parts(bucket, name, path):
    upload = client.create_multipart_upload(Bucket=bucket, Key=name)["UploadId"]
    where = {"Bucket": bucket, "Key": name, "UploadId": upload}
    with open(path, "rb") as file:
        data = file.read()
    size = 5 << 20
    parts = []
    for number, start in enumerate(range(0, len(data), size), 1):
        part = client.upload_part(PartNumber=number, Body=data[start : start + size], **where)
        parts.append({"PartNumber": number, "ETag": part["ETag"]})
    client.complete_multipart_upload(MultipartUpload={"Parts": parts}, **where)


def do(method, arguments):
    if method == "in_parts":
        return in_parts(**arguments)
    if method == "many":
        names = [arguments["Key"] % number for number in range(arguments["Count"])]
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda name: client.put_object(Bucket=arguments["Bucket"], Key=name, Body=b"x"), names))
        return None
    if "Path" in arguments:
        with open(arguments.pop("Path"), "rb") as file:
            arguments["Body"] = file.read()
    return getattr(client, method)(**arguments)


for line in sys.stdin:
    answer = do(*json.loads(line))
    print(json.dumps(answer, default=str))
