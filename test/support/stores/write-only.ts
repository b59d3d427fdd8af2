/** The rights of a shipper (docs/security.md) on a bucket, without its limits to some keys. */
export function writeOnlyStatement(bucket: string) {
  return {
    Effect: 'Allow',
    Action: ['s3:PutObject', 's3:AbortMultipartUpload'],
    Resource: [`arn:aws:s3:::${bucket}/*`],
  };
}
