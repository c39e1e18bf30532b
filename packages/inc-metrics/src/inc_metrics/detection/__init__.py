"""Metrics of object detection: mean average precision by the rules of COCO, of Pascal VOC, and under the names of 1.x."""
