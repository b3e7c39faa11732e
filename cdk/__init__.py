"""What runs on AWS. jsii starts Node when `aws_cdk` is imported, so a recent enough one is named before that."""

import os

from cdk.node import node_path

os.environ.setdefault("JSII_NODE", str(node_path()))
